mock_provider "aws" {
  source = "../../tests/mock"
}

variables {
  name        = "antiphase-test"
  kms_key_arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
}

run "applies" {
  command = apply

  assert {
    condition     = strcontains(output.edge_secret_arn, ":secretsmanager:")
    error_message = "The keys must have their secret."
  }
}

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    name          = "Antiphase"
    kms_key_arn   = "secret"
    images        = 1
    untagged_days = 0
  }

  expect_failures = [var.name, var.kms_key_arn, var.images, var.untagged_days]
}
