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
    condition     = output.database == "antiphase" && output.port == 5432
    error_message = "The service must learn where its history is."
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

run "refuses_an_old_version" {
  command = plan

  variables {
    engine_version = "12"
  }

  expect_failures = [var.engine_version]
}

run "refuses_a_class_of_another_service" {
  command = plan

  variables {
    instance_class = "cache.t4g.small"
  }

  expect_failures = [var.instance_class]
}

run "refuses_too_little_storage" {
  command = plan

  variables {
    storage_gb = 10
  }

  expect_failures = [var.storage_gb]
}

run "refuses_no_room_to_grow" {
  command = plan

  variables {
    most_storage_gb = 22
  }

  expect_failures = [var.most_storage_gb]
}

run "refuses_no_backups" {
  command = plan

  variables {
    backup_days = 0
  }

  expect_failures = [var.backup_days]
}

run "refuses_an_alarm_at_zero" {
  command = plan

  variables {
    most_connections = 0
  }

  expect_failures = [var.most_connections]
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
