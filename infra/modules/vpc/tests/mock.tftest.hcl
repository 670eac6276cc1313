mock_provider "aws" {
  source = "../../tests/mock"
}

variables {
  name                = "antiphase-test"
  cidr                = "10.20.0.0/16"
  availability_zones  = ["us-east-1a", "us-east-1b", "us-east-1c"]
  log_kms_key_arn     = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  interface_endpoints = ["logs"]
}

run "applies" {
  command = apply
}

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    cidr                = "ten"
    availability_zones  = ["us-east-1a"]
    nat                 = "two"
    interface_endpoints = ["s3"]
    log_days            = 42
    log_kms_key_arn     = "secret"
  }

  expect_failures = [
    var.cidr, var.availability_zones, var.nat, var.interface_endpoints, var.log_days,
    var.log_kms_key_arn,
  ]
}

run "refuses_other_bad_values" {
  command = plan

  variables {
    cidr               = "10.20.0.0/24"
    availability_zones = ["us-east-1a", "us-east-1a"]
  }

  expect_failures = [var.cidr, var.availability_zones]
}

run "refuses_further_bad_values" {
  command = plan

  variables {
    cidr               = "10.20.1.0/16"
    availability_zones = ["us-east-1a", "eu-west-1b"]
  }

  expect_failures = [var.cidr, var.availability_zones]
}

run "refuses_a_local_zone" {
  command = plan

  variables {
    availability_zones = ["us-east-1a", "us-east-1-bos-1a"]
  }

  expect_failures = [var.availability_zones]
}
