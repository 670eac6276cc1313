# Everything of the foundation at once, against the local AWS API; never applied to an account.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region      = "us-east-1"
  max_retries = 3
}

variable "availability_zones" {
  description = "Zones of the network."
  type        = list(string)
  default     = ["us-east-1a", "us-east-1b", "us-east-1c"]
}

variable "replicas" {
  description = "Further regions of the tables."
  type        = map(string)
  default     = {}
}

locals {
  name = "antiphase-test"
  tags = { Project = "antiphase", Environment = "test" }
}

module "kms" {
  source = "../../modules/kms"

  name = local.name
  tags = local.tags
  keys = {
    data = { description = "Recordings, tables and models" }
    logs = { description = "Logs", log_groups = true }
  }
}

module "vpc" {
  source = "../../modules/vpc"

  name                = local.name
  tags                = local.tags
  cidr                = "10.20.0.0/16"
  availability_zones  = var.availability_zones
  log_kms_key_arn     = module.kms.arns["logs"]
  interface_endpoints = ["logs"]
}

module "s3" {
  source = "../../modules/s3"

  name                = local.name
  tags                = local.tags
  suffix              = "000000000000"
  kms_key_arn         = module.kms.arns["data"]
  cors_origins        = ["https://app.example.org"]
  deletion_protection = false
}

module "dynamodb" {
  source = "../../modules/dynamodb"

  name                = local.name
  tags                = local.tags
  kms_key_arn         = module.kms.arns["data"]
  replicas            = var.replicas
  deletion_protection = false
}

resource "aws_route53_zone" "this" {
  #checkov:skip=CKV2_AWS_38:a zone of the local API, which signs nothing
  #checkov:skip=CKV2_AWS_39:a zone of the local API, which answers no queries
  name = "example.org"
  tags = local.tags
}

module "certificate" {
  source = "../../modules/certificate"

  tags    = local.tags
  zone_id = aws_route53_zone.this.zone_id
  domains = ["live.example.org", "us-east-1.live.example.org"]
}

module "rds" {
  source = "../../modules/rds"

  name                = local.name
  tags                = local.tags
  subnets             = module.vpc.private_subnets
  security_group_ids  = [module.vpc.security_groups["rds"]]
  kms_key_arn         = module.kms.arns["data"]
  log_kms_key_arn     = module.kms.arns["logs"]
  deletion_protection = false
}

module "multi_region" {
  source    = "../../modules/multi_region"
  providers = { aws = aws, aws.us_east_1 = aws }

  name    = local.name
  tags    = local.tags
  zone_id = aws_route53_zone.this.zone_id
  domain  = "live.example.org"

  regions = {
    us-east-1 = { dns_name = "one.elb.us-east-1.amazonaws.com", zone_id = "Z26RNL4JYFTOTI" }
    eu-west-1 = { dns_name = "other.elb.eu-west-1.amazonaws.com", zone_id = "Z2IFOLAFXWLO4F" }
  }
}

module "jobs" {
  source = "../../modules/jobs"

  name            = local.name
  tags            = local.tags
  image           = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  log_kms_key_arn = module.kms.arns["logs"]
}
