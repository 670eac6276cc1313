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

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    deletion_window_days = 3
    rotation_days        = 30
    keys                 = {}
    name                 = "Antiphase"
  }

  expect_failures = [var.deletion_window_days, var.rotation_days, var.keys, var.name]
}

run "refuses_a_service_that_is_none" {
  command = plan

  variables {
    keys = { data = { description = "Data", services = ["s3"] } }
  }

  expect_failures = [var.keys]
}
