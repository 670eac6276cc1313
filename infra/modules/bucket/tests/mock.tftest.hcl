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

run "refuses_an_unknown_class" {
  command = plan

  variables {
    transitions = [{ days = 90, storage_class = "FRIDGE" }]
  }

  expect_failures = [var.transitions]
}

run "refuses_two_moves_a_day" {
  command = plan

  variables {
    transitions = [{ days = 90, storage_class = "GLACIER" }, { days = 90, storage_class = "DEEP_ARCHIVE" }]
  }

  expect_failures = [var.transitions]
}

run "refuses_expiry_before_the_move" {
  command = plan

  variables {
    expiration_days = 10
  }

  expect_failures = [var.expiration_days]
}

run "refuses_early_archive" {
  command = plan

  variables {
    archive_days = { archive = 30, deep_archive = 180 }
  }

  expect_failures = [var.archive_days]
}

run "refuses_every_origin" {
  command = plan

  variables {
    cors_origins = ["*"]
  }

  expect_failures = [var.cors_origins]
}

run "refuses_plain_http_origin" {
  command = plan

  variables {
    cors_origins = ["http://app.example.org"]
  }

  expect_failures = [var.cors_origins]
}

run "refuses_a_writer_that_is_none" {
  command = plan

  variables {
    log_writers = ["me"]
  }

  expect_failures = [var.log_writers]
}

run "refuses_a_key_that_is_none" {
  command = plan

  variables {
    key = { arn = "secret" }
  }

  expect_failures = [var.key]
}

run "refuses_versions_gone_at_once" {
  command = plan

  variables {
    noncurrent_expiration_days = 0
  }

  expect_failures = [var.noncurrent_expiration_days]
}
