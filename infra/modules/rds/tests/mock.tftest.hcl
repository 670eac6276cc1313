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

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    name               = "antiphase--test"
    subnets            = { us-east-1a = "subnet-1" }
    security_group_ids = []
    engine_version     = "12"
    instance_class     = "cache.t4g.small"
    storage_gb         = 10
    backup_days        = 0
    most_connections   = 0
    log_days           = 42
    kms_key_arn        = "secret"
    log_kms_key_arn    = "secret"
  }

  expect_failures = [
    var.name, var.subnets, var.security_group_ids, var.engine_version, var.instance_class,
    var.storage_gb, var.backup_days, var.most_connections, var.log_days,
    var.kms_key_arn, var.log_kms_key_arn,
  ]
}

run "refuses_no_room_to_grow" {
  command = plan

  variables {
    most_storage_gb = 22
  }

  expect_failures = [var.most_storage_gb]
}
