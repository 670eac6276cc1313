mock_provider "aws" {
  source = "../../tests/mock"
}

variables {
  bucket       = "antiphase-test-raw"
  key          = { arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000" }
  cors_origins = ["https://app.example.org"]
  access_log   = { bucket = "antiphase-test-logs" }
  events       = true
  archive_days = { archive = 90, deep_archive = 180 }
  transitions  = [{ days = 30, storage_class = "STANDARD_IA" }]
}

run "applies" {
  command = apply
}

run "refuses_capitals_in_the_bucket" {
  command = plan

  variables {
    bucket = "Antiphase-Raw"
  }

  expect_failures = [var.bucket]
}

run "refuses_early_standard_ia" {
  command = plan

  variables {
    transitions = [{ days = 7, storage_class = "STANDARD_IA" }]
  }

  expect_failures = [var.transitions]
}

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    transitions                = [{ days = 90, storage_class = "FRIDGE" }]
    archive_days               = { archive = 30, deep_archive = 180 }
    cors_origins               = ["*"]
    log_writers                = ["me"]
    key                        = { arn = "secret" }
    noncurrent_expiration_days = 0
  }

  expect_failures = [
    var.transitions, var.archive_days, var.cors_origins, var.log_writers, var.key,
    var.noncurrent_expiration_days,
  ]
}

run "refuses_other_bad_values" {
  command = plan

  variables {
    transitions  = [{ days = 90, storage_class = "GLACIER" }, { days = 90, storage_class = "DEEP_ARCHIVE" }]
    cors_origins = ["http://app.example.org"]
  }

  expect_failures = [var.transitions, var.cors_origins]
}

run "refuses_expiry_before_the_move" {
  command = plan

  variables {
    expiration_days = 10
  }

  expect_failures = [var.expiration_days]
}
