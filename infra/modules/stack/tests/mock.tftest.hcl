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

  image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

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
    image  = null
  }

  assert {
    condition     = output.models == null
    error_message = "Without models there must be no endpoint."
  }
}

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    vpc_cidr           = "ten"
    availability_zones = ["us-east-1a"]
    tables             = { sessions = "a" }
    origins            = ["*"]
    alarm_emails       = ["operator"]
    zone_id            = "example.org"
    domain             = "localhost"
    api_cidrs          = ["0.0.0.0/0"]
    log_days           = 42
    name               = "antiphase-production-apse1-b"
  }

  expect_failures = [
    var.vpc_cidr, var.availability_zones, var.tables, var.origins, var.alarm_emails, var.zone_id,
    var.domain, var.api_cidrs, var.log_days, var.name,
  ]
}
