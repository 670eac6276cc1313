environment        = "staging"
aws_region         = "us-east-1"
vpc_cidr           = "10.30.0.0/16"
availability_zones = ["us-east-1a", "us-east-1b"]

enable_global_tables = false
replica_regions      = []

# Countries under comprehensive sanctions of the United States; your lawyers know better.
blocked_countries = ["CU", "IR", "KP", "SY"]

# Yours: the hosted zone of the domain, and who learns of alarms.
zone_id      = "Z0123456789ABCDEFGHIJ"
domain       = "staging.live.example.org"
alarm_emails = []
monthly_usd  = 750
