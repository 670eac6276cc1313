mock_provider "aws" {
  source = "../../tests/mock"
}

variables {
  name        = "antiphase-test"
  suffix      = "000000000000"
  kms_key_arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
}

run "applies" {
  command = apply
}

run "refuses_a_suffix_in_capitals" {
  command = plan

  variables {
    suffix = "ABC"
  }

  expect_failures = [var.suffix]
}

run "refuses_no_days" {
  command = plan

  variables {
    processed_days = 0
  }

  expect_failures = [var.processed_days]
}

run "refuses_glacier_at_once" {
  command = plan

  variables {
    glacier_days = 0
  }

  expect_failures = [var.glacier_days]
}

run "refuses_every_origin" {
  command = plan

  variables {
    cors_origins = ["*"]
  }

  expect_failures = [var.cors_origins]
}

run "refuses_a_key_that_is_none" {
  command = plan

  variables {
    kms_key_arn = "secret"
  }

  expect_failures = [var.kms_key_arn]
}
