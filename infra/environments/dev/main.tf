terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # Bucket and region are the account's: terraform init -backend-config=bucket=… -backend-config=region=…
  backend "s3" {
    key          = "antiphase/dev.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.aws_region
}

provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"
}

provider "aws" {
  alias  = "replica_1"
  region = try(var.replica_regions[0], var.aws_region)
}

provider "aws" {
  alias  = "replica_2"
  region = try(var.replica_regions[1], var.aws_region)
}

module "antiphase" {
  source = "../.."

  providers = {
    aws           = aws
    aws.us_east_1 = aws.us_east_1
    aws.replica_1 = aws.replica_1
    aws.replica_2 = aws.replica_2
  }

  environment          = var.environment
  aws_region           = var.aws_region
  vpc_cidr             = var.vpc_cidr
  availability_zones   = var.availability_zones
  enable_global_tables = var.enable_global_tables
  replica_regions      = var.replica_regions
  replica_zones        = var.replica_zones
  blocked_countries    = var.blocked_countries
  zone_id              = var.zone_id
  domain               = var.domain
  origins              = var.origins
  alarm_emails         = var.alarm_emails
  api_cidrs            = var.api_cidrs
  administrators       = var.administrators
  models               = var.models
  blocks               = var.blocks
  media_tcp_port       = var.media_tcp_port
  monthly_usd          = var.monthly_usd

  # One of everything, and nodes that may be taken away: a failure stops work, not a user.
  sizes = {
    nat                  = "single"
    media_instance_types = ["c6i.large", "c5.large", "c5a.large"]
    media_spot           = true
    media_nodes          = 1
    media_most_nodes     = 2
    cache_node_type      = "cache.t4g.micro"
    cache_replicas       = 0
    database_class       = "db.t4g.micro"
    database_standby     = false
    backup_days          = 1
  }

  log_days            = 7
  deletion_protection = false
}
