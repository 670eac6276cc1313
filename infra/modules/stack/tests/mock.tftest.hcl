mock_provider "aws" {
  source = "../../tests/mock"
}

variables {
  name               = "antiphase-test"
  vpc_cidr           = "10.20.0.0/16"
  availability_zones = ["us-east-1a", "us-east-1b"]
  zone_id            = "Z0123456789ABCDEFGHIJ"
  domain             = "live.example.org"
  tables             = { connections = "antiphase-connections", sessions = "antiphase-sessions" }
  alarm_emails       = ["operator@example.org"]
  alert_rules        = "../observability/tests/alerts.yaml"

  blocks = {
    image             = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    config_secret_arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:antiphase-test-edge-000000"
  }

  models = {
    champion = {
      image          = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      model_data_url = "s3://antiphase-test-models-000000000000/models/1/model.tar.gz"
      weight         = 100
    }
  }
}

run "applies" {
  command = apply

  assert {
    condition     = output.bucket_arns["raw"] == "arn:aws:s3:::antiphase-test-raw-000000000000" && output.models == "antiphase-test"
    error_message = "The region must have its buckets and its models."
  }
}

run "applies_without_models_and_blocks" {
  command = apply

  variables {
    models = {}
    blocks = null
  }

  assert {
    condition     = output.models == null
    error_message = "Without models there must be no endpoint."
  }
}

run "refuses_no_range" {
  command = plan

  variables {
    vpc_cidr = "ten"
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

run "refuses_one_table" {
  command = plan

  variables {
    tables = { sessions = "a" }
  }

  expect_failures = [var.tables]
}

run "refuses_every_origin" {
  command = plan

  variables {
    origins = ["*"]
  }

  expect_failures = [var.origins]
}

run "refuses_an_address_that_is_none" {
  command = plan

  variables {
    alarm_emails = ["operator"]
  }

  expect_failures = [var.alarm_emails]
}

run "refuses_a_zone_that_is_none" {
  command = plan

  variables {
    zone_id = "example.org"
  }

  expect_failures = [var.zone_id]
}

run "refuses_a_domain_that_is_none" {
  command = plan

  variables {
    domain = "localhost"
  }

  expect_failures = [var.domain]
}

run "refuses_an_api_open_to_all" {
  command = plan

  variables {
    api_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.api_cidrs]
}

run "refuses_odd_retention" {
  command = plan

  variables {
    log_days = 42
  }

  expect_failures = [var.log_days]
}

run "refuses_a_long_name" {
  command = plan

  variables {
    name = "antiphase-production-apse1-b"
  }

  expect_failures = [var.name]
}
