mock_provider "aws" {
  source = "../../tests/mock"
}

variables {
  name               = "antiphase-test"
  subnets            = { us-east-1a = "subnet-1", us-east-1b = "subnet-2" }
  security_group_ids = ["sg-1"]
  kms_key_arn        = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  log_kms_key_arn    = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000001"
}

run "applies" {
  command = apply

  assert {
    condition     = output.user == "antiphase-test" && output.port == 6379
    error_message = "The service must learn whom to connect as, and where."
  }
}

run "refuses_two_hyphens_in_a_row" {
  command = plan

  variables {
    name = "antiphase--test"
  }

  expect_failures = [var.name]
}

run "refuses_one_zone" {
  command = plan

  variables {
    subnets = { us-east-1a = "subnet-1" }
  }

  expect_failures = [var.subnets]
}

run "refuses_no_group" {
  command = plan

  variables {
    security_group_ids = []
  }

  expect_failures = [var.security_group_ids]
}

run "refuses_six_replicas" {
  command = plan

  variables {
    replicas = 6
  }

  expect_failures = [var.replicas]
}

run "refuses_a_node_of_another_service" {
  command = plan

  variables {
    node_type = "db.t4g.small"
  }

  expect_failures = [var.node_type]
}

run "refuses_a_version_without_iam" {
  command = plan

  variables {
    engine_version = "6.2"
  }

  expect_failures = [var.engine_version]
}

run "refuses_long_snapshots" {
  command = plan

  variables {
    snapshot_days = 36
  }

  expect_failures = [var.snapshot_days]
}

run "refuses_odd_retention" {
  command = plan

  variables {
    log_days = 42
  }

  expect_failures = [var.log_days]
}

run "refuses_keys_that_are_none" {
  command = plan

  variables {
    kms_key_arn     = "secret"
    log_kms_key_arn = "secret"
  }

  expect_failures = [var.kms_key_arn, var.log_kms_key_arn]
}
