mock_provider "aws" {
  source = "../../tests/mock"
}

variables {
  name        = "antiphase-test"
  kms_key_arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  replicas    = { eu-west-1 = "arn:aws:kms:eu-west-1:000000000000:key/1" }
}

run "applies" {
  command = apply
}

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    replicas        = { eu-west-1 = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000" }
    alarm_threshold = 0
    kms_key_arn     = "secret"
  }

  expect_failures = [var.replicas, var.alarm_threshold, var.kms_key_arn]
}
