environment        = "dev"
aws_region         = "us-east-1"
vpc_cidr           = "10.40.0.0/16"
availability_zones = ["us-east-1a", "us-east-1b"]

enable_global_tables = false
replica_regions      = []
blocked_countries    = []

# Yours: the hosted zone of the domain, and who learns of alarms.
zone_id      = "Z0123456789ABCDEFGHIJ"
domain       = "dev.live.example.org"
alarm_emails = []
monthly_usd  = 300
