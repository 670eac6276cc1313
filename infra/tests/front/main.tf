# What stands between clients and service, against the local AWS API; never applied to an account.
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
  region      = "eu-west-1"
  max_retries = 3
}

provider "aws" {
  alias       = "us_east_1"
  region      = "us-east-1"
  max_retries = 3
}

locals {
  name = "antiphase-test"
  tags = { Project = "antiphase", Environment = "test" }
}

module "kms" {
  source    = "../../modules/kms"
  providers = { aws = aws.us_east_1 }

  name = local.name
  tags = local.tags
  keys = { logs = { description = "Logs", log_groups = true } }
}

module "logs" {
  source    = "../../modules/bucket"
  providers = { aws = aws.us_east_1 }

  bucket              = "${local.name}-logs-000000000000"
  versioned           = false
  expiration_days     = 90
  log_writers         = ["delivery.logs.amazonaws.com"]
  deletion_protection = false
  tags                = local.tags
}

module "waf" {
  source    = "../../modules/waf"
  providers = { aws = aws.us_east_1 }

  name              = local.name
  tags              = local.tags
  scope             = "CLOUDFRONT"
  blocked_countries = ["KP", "SY"]
  log_bucket_arn    = module.logs.arn
  log_kms_key_arn   = module.kms.arns["logs"]
}

variable "package" {
  description = "The edge's package."
  type        = string
}

module "edge" {
  source    = "../../modules/edge"
  providers = { aws = aws.us_east_1 }

  name          = local.name
  tags          = local.tags
  package       = var.package
  origin_domain = module.region.host
  web_acl_arn   = module.waf.arn
  keep_function = false
}

module "region" {
  source = "../../modules/region"

  name              = local.name
  tags              = local.tags
  image             = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/antiphase@sha256:${sha256("image")}"
  config_secret_arn = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:antiphase-test-edge-000000"
  kms_key_arn       = "arn:aws:kms:eu-west-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  log_kms_key_arn   = "arn:aws:kms:eu-west-1:000000000000:key/00000000-0000-0000-0000-000000000000"
}
