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

run "applies" {
  command = apply

  assert {
    condition     = output.hosts == { us-east-1 = "us-east-1.live.example.org", eu-west-1 = "eu-west-1.live.example.org" }
    error_message = "Each region must have a name of its own."
  }

  assert {
    condition     = output.clusters == { us-east-1 = "antiphase-production-use1", eu-west-1 = "antiphase-production-euw1" }
    error_message = "Each region must have its cluster."
  }

  assert {
    condition     = output.tables == { connections = "antiphase-production-connections", sessions = "antiphase-production-sessions" }
    error_message = "All regions must share two tables."
  }
}

run "keeps_the_tables_when_replicas_go" {
  command = apply

  variables {
    enable_global_tables = false
  }

  assert {
    condition     = output.tables == run.applies.tables && keys(output.hosts) == ["us-east-1"]
    error_message = "The home region must go on with the same tables."
  }
}
