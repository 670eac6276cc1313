# What sessions are served with, against the local AWS API; never applied to an account.
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

locals {
  name  = "antiphase-test"
  tags  = { Project = "antiphase", Environment = "test" }
  image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase@sha256:${sha256("image")}"
}

module "kms" {
  source = "../../modules/kms"

  name = local.name
  tags = local.tags
  keys = {
    data = { description = "Images, keys and models" }
    logs = { description = "Logs", log_groups = true }
  }
}

module "registry" {
  source = "../../modules/registry"

  name                = local.name
  tags                = local.tags
  kms_key_arn         = module.kms.arns["data"]
  deletion_protection = false
}

module "vpc" {
  source = "../../modules/vpc"

  name               = local.name
  tags               = local.tags
  cidr               = "10.20.0.0/16"
  availability_zones = ["us-east-1a", "us-east-1b"]
  nat                = "none"
  log_kms_key_arn    = module.kms.arns["logs"]
}

resource "aws_acm_certificate" "this" {
  #checkov:skip=CKV2_AWS_71:no star, and nothing of it is used outside the local API
  domain_name       = "live.example.org"
  validation_method = "DNS"
  tags              = local.tags

  lifecycle {
    create_before_destroy = true
  }
}

# Without add-ons and administrators, which the local API does not know.
module "media" {
  source = "../../modules/media"

  name                = local.name
  tags                = local.tags
  vpc_id              = module.vpc.id
  public_subnets      = module.vpc.public_subnets
  private_subnets     = module.vpc.private_subnets
  security_group_id   = module.vpc.security_groups["media"]
  kms_key_arn         = module.kms.arns["data"]
  log_kms_key_arn     = module.kms.arns["logs"]
  certificate_arn     = aws_acm_certificate.this.arn
  log_bucket          = "antiphase-test-logs-000000000000"
  worker_names        = { domain = "media.us-east-1.live.example.org", zone_id = "Z0123456789ABCDEFGHIJ" }
  addons              = []
  media_tcp_port      = 8444
  deletion_protection = false
}

# Without scaling, and on nodes that the local API knows.
module "sagemaker" {
  source = "../../modules/sagemaker"

  name               = local.name
  tags               = local.tags
  subnets            = module.vpc.private_subnets
  security_group_ids = [module.vpc.security_groups["lambda"]]
  kms_key_arn        = module.kms.arns["data"]
  log_kms_key_arn    = module.kms.arns["logs"]
  models_bucket_arn  = "arn:aws:s3:::antiphase-test-models-000000000000"

  variants = {
    champion   = { image = local.image, model_data_url = "s3://antiphase-test-models-000000000000/models/1/model.tar.gz", weight = 90, instance_type = "ml.c5.large" }
    challenger = { image = local.image, model_data_url = "s3://antiphase-test-models-000000000000/models/2/model.tar.gz", weight = 10, instance_type = "ml.c5.large" }
  }
}

# Without X-Ray, the alert manager and the cluster's scraper, which the local API does not know.
module "observability" {
  source = "../../modules/observability"

  name              = local.name
  tags              = local.tags
  topic_kms_key_arn = module.kms.arns["data"]
  log_kms_key_arn   = module.kms.arns["logs"]
  mail_addresses    = ["operator@example.org"]
  alert_rules       = "${path.module}/../../../deploy/prometheus/alerts.yaml"
  alert_manager     = false
  sampling          = {}
  slow_s            = null
  tables            = ["antiphase-test-sessions"]

  alarms = {
    failing = { namespace = "AWS/Lambda", metric = "Errors", dimensions = { FunctionName = "antiphase-test-region" }, threshold = 5, why = "The function fails" }
  }
}
