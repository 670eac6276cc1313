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

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    suffix         = "ABC"
    processed_days = 0
    glacier_days   = 0
    cors_origins   = ["*"]
    kms_key_arn    = "secret"
  }

  expect_failures = [var.suffix, var.processed_days, var.glacier_days, var.cors_origins, var.kms_key_arn]
}
