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

run "refuses_an_unknown_environment" {
  command = plan

  variables {
    environment = "prod"
  }

  expect_failures = [var.environment]
}

run "refuses_a_region_that_is_none" {
  command = plan

  variables {
    aws_region = "europe"
  }

  expect_failures = [var.aws_region]
}

run "refuses_no_range" {
  command = plan

  variables {
    vpc_cidr = "ten"
  }

  expect_failures = [var.vpc_cidr]
}

run "refuses_a_narrow_range" {
  command = plan

  variables {
    vpc_cidr = "10.20.0.0/24"
  }

  expect_failures = [var.vpc_cidr]
}

run "refuses_one_zone" {
  command = plan

  variables {
    availability_zones = ["us-east-1a"]
  }

  expect_failures = [var.availability_zones]
}

run "refuses_zones_of_another_region" {
  command = plan

  variables {
    availability_zones = ["eu-west-1a", "eu-west-1b"]
  }

  expect_failures = [var.availability_zones]
}

run "refuses_a_replica_at_home" {
  command = plan

  variables {
    replica_regions = ["us-east-1"]
  }

  expect_failures = [var.replica_regions]
}

run "refuses_a_replica_twice" {
  command = plan

  variables {
    replica_regions = ["eu-west-1", "eu-west-1"]
  }

  expect_failures = [var.replica_regions]
}

run "refuses_three_replicas" {
  command = plan

  variables {
    replica_regions = ["eu-west-1", "eu-west-2", "eu-west-3"]
  }

  expect_failures = [var.replica_regions]
}

run "refuses_a_replica_nowhere" {
  command = plan

  variables {
    replica_regions = ["europe"]
  }

  expect_failures = [var.replica_regions]
}

run "refuses_zones_outside_their_replica" {
  command = plan

  variables {
    replica_zones = { eu-west-1 = ["us-east-1a", "us-east-1b"] }
  }

  expect_failures = [var.replica_zones]
}

run "refuses_a_country_by_name" {
  command = plan

  variables {
    blocked_countries = ["Atlantis"]
  }

  expect_failures = [var.blocked_countries]
}

run "refuses_a_domain_that_is_none" {
  command = plan

  variables {
    domain = "localhost"
  }

  expect_failures = [var.domain]
}

run "refuses_every_origin" {
  command = plan

  variables {
    origins = ["*"]
  }

  expect_failures = [var.origins]
}
