environment        = "production"
aws_region         = "us-east-1"
vpc_cidr           = "10.20.0.0/16"
availability_zones = ["us-east-1a", "us-east-1b", "us-east-1c"]

enable_global_tables = true
replica_regions      = ["eu-west-1"]

# Countries under comprehensive sanctions of the United States; your lawyers know better.
blocked_countries = ["CU", "IR", "KP", "SY"]

# Yours: the hosted zone of the domain, and who learns of alarms.
zone_id      = "Z0123456789ABCDEFGHIJ"
domain       = "live.example.org"
alarm_emails = []
monthly_usd  = 6500
