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

run "refuses_a_replicas_key_of_another_region" {
  command = plan

  variables {
    replicas = { eu-west-1 = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000" }
  }

  expect_failures = [var.replicas]
}

run "refuses_an_alarm_at_zero" {
  command = plan

  variables {
    alarm_threshold = 0
  }

  expect_failures = [var.alarm_threshold]
}

run "refuses_a_key_that_is_none" {
  command = plan

  variables {
    kms_key_arn = "secret"
  }

  expect_failures = [var.kms_key_arn]
}
