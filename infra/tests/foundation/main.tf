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
  deletion_protection = false
}
