# What the variables refuse; the regions themselves are left out.
mock_provider "aws" {
  source = "./tests/mock"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/mock"

  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000" }
  }
}

mock_provider "aws" {
  alias  = "replica_1"
  source = "./tests/mock"

  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:000000000000:key/00000000-0000-0000-0000-000000000000" }
  }
}

mock_provider "aws" {
  alias  = "replica_2"
  source = "./tests/mock"

  mock_data "aws_region" {
    defaults = { name = "ap-southeast-1" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:ap-southeast-1:000000000000:key/00000000-0000-0000-0000-000000000000" }
  }
}

variables {
  environment        = "production"
  aws_region         = "us-east-1"
  vpc_cidr           = "10.20.0.0/16"
  availability_zones = ["us-east-1a", "us-east-1b", "us-east-1c"]

  enable_global_tables = true
  replica_regions      = ["eu-west-1"]
  blocked_countries    = ["KP"]

  zone_id      = "Z0123456789ABCDEFGHIJ"
  domain       = "live.example.org"
  alarm_emails = ["operator@example.org"]
  monthly_usd  = 2500

  blocks = {
    package = "versions.tf" # stands for the zip
    images = {
      us-east-1 = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      eu-west-1 = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/antiphase@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    }
  }

  models = {
    champion = {
      image          = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      model_data_url = "s3://antiphase-models/models/1/model.tar.gz"
      weight         = 90
    }
    challenger = {
      image          = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
      model_data_url = "s3://antiphase-models/models/2/model.tar.gz"
      weight         = 10
    }
  }
}

override_module {
  target = module.home

  outputs = {
    kms_key_arns = { data = "arn:aws:kms:us-east-1:000000000000:key/0", logs = "arn:aws:kms:us-east-1:000000000000:key/1" }
    alarm_topic  = "arn:aws:sns:us-east-1:000000000000:alarms"
    bucket_arns  = { logs = "arn:aws:s3:::antiphase-logs" }
    balancer     = { dns_name = "one.elb.us-east-1.amazonaws.com", zone_id = "Z26RNL4JYFTOTI" }
  }
}

override_module {
  target = module.replica_1

  outputs = {
    kms_key_arns = { data = "arn:aws:kms:eu-west-1:000000000000:key/0", logs = "arn:aws:kms:eu-west-1:000000000000:key/1" }
    balancer     = { dns_name = "two.elb.eu-west-1.amazonaws.com", zone_id = "Z2IFOLAFXWLO4F" }
  }
}

run "refuses_what_is_no_network" {
  command = plan

  variables {
    environment        = "prod"
    vpc_cidr           = "ten"
    availability_zones = ["us-east-1a"]
    replica_regions    = ["us-east-1"]
    replica_zones      = { eu-west-1 = ["us-east-1a", "us-east-1b"] }
    blocked_countries  = ["Atlantis"]
    domain             = "localhost"
    origins            = ["*"]
  }

  expect_failures = [
    var.environment, var.vpc_cidr, var.availability_zones, var.replica_regions, var.replica_zones,
    var.blocked_countries, var.domain, var.origins,
  ]
}

run "refuses_what_is_nowhere" {
  command = plan

  variables {
    vpc_cidr           = "10.20.0.0/24"
    availability_zones = ["eu-west-1a", "eu-west-1b"]
    replica_regions    = ["eu-west-1", "eu-west-1"]
    zone_id            = "example.org"
    alarm_emails       = ["operator"]
    api_cidrs          = ["0.0.0.0/0"]
    log_days           = 42
  }

  expect_failures = [
    var.vpc_cidr, var.availability_zones, var.replica_regions, var.zone_id, var.alarm_emails,
    var.api_cidrs, var.log_days,
  ]
}

run "refuses_three_replicas" {
  command = plan

  variables {
    replica_regions = ["eu-west-1", "eu-west-2", "eu-west-3"]
    administrators  = { me = "root" }
  }

  expect_failures = [var.replica_regions, var.administrators]
}

run "refuses_a_home_nowhere" {
  command = plan

  variables {
    aws_region = "europe"
  }

  expect_failures = [var.aws_region]
}
