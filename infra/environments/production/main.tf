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
    key          = "antiphase/production.tfstate"
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

  # A zone may fail: a NAT, a node and a replica in each.
  sizes = {
    nat                  = "per_zone"
    media_instance_types = ["c6i.large"]
    media_nodes          = 3
    media_most_nodes     = 20
    cache_node_type      = "cache.t4g.small"
    cache_replicas       = 2
    database_class       = "db.t4g.medium"
    backup_days          = 14
  }

  log_days            = 90
  deletion_protection = true
}
