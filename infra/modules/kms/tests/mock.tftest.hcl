mock_provider "aws" {
  source = "../../tests/mock"
}

variables {
  name = "antiphase-test"
  keys = { data = { description = "Data", services = ["logging.s3.amazonaws.com"] } }
}

run "applies" {
  command = apply
}

run "refuses_a_short_window" {
  command = plan

  variables {
    deletion_window_days = 3
  }

  expect_failures = [var.deletion_window_days]
}

run "refuses_a_hasty_rotation" {
  command = plan

  variables {
    rotation_days = 30
  }

  expect_failures = [var.rotation_days]
}

run "refuses_no_key" {
  command = plan

  variables {
    keys = {}
  }

  expect_failures = [var.keys]
}

run "refuses_a_service_that_is_none" {
  command = plan

  variables {
    keys = { data = { description = "Data", services = ["s3"] } }
  }

  expect_failures = [var.keys]
}

run "refuses_capitals_in_the_name" {
  command = plan

  variables {
    name = "Antiphase"
  }

  expect_failures = [var.name]
}
