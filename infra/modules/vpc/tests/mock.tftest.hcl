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

run "refuses_no_range" {
  command = plan

  variables {
    cidr = "ten"
  }

  expect_failures = [var.cidr]
}

run "refuses_a_narrow_range" {
  command = plan

  variables {
    cidr = "10.20.0.0/24"
  }

  expect_failures = [var.cidr]
}

run "refuses_a_range_off_its_start" {
  command = plan

  variables {
    cidr = "10.20.1.0/16"
  }

  expect_failures = [var.cidr]
}

run "refuses_one_zone" {
  command = plan

  variables {
    availability_zones = ["us-east-1a"]
  }

  expect_failures = [var.availability_zones]
}

run "refuses_a_zone_twice" {
  command = plan

  variables {
    availability_zones = ["us-east-1a", "us-east-1a"]
  }

  expect_failures = [var.availability_zones]
}

run "refuses_zones_of_two_regions" {
  command = plan

  variables {
    availability_zones = ["us-east-1a", "eu-west-1b"]
  }

  expect_failures = [var.availability_zones]
}

run "refuses_a_local_zone" {
  command = plan

  variables {
    availability_zones = ["us-east-1a", "us-east-1-bos-1a"]
  }

  expect_failures = [var.availability_zones]
}

run "refuses_an_unknown_nat" {
  command = plan

  variables {
    nat = "two"
  }

  expect_failures = [var.nat]
}

run "refuses_a_gateway_as_interface" {
  command = plan

  variables {
    interface_endpoints = ["s3"]
  }

  expect_failures = [var.interface_endpoints]
}

run "refuses_odd_retention" {
  command = plan

  variables {
    log_days = 42
  }

  expect_failures = [var.log_days]
}

run "refuses_a_key_that_is_none" {
  command = plan

  variables {
    log_kms_key_arn = "secret"
  }

  expect_failures = [var.log_kms_key_arn]
}
