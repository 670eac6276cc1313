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

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    name               = "antiphase--test"
    subnets            = { us-east-1a = "subnet-1" }
    security_group_ids = []
    replicas           = 6
    node_type          = "db.t4g.small"
    engine_version     = "6.2"
    snapshot_days      = 36
    log_days           = 42
    kms_key_arn        = "secret"
    log_kms_key_arn    = "secret"
  }

  expect_failures = [
    var.name, var.subnets, var.security_group_ids, var.replicas, var.node_type, var.engine_version,
    var.snapshot_days, var.log_days, var.kms_key_arn, var.log_kms_key_arn,
  ]
}
