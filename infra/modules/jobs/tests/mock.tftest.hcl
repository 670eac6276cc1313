mock_provider "aws" {
  source = "../../tests/mock"
}

variables {
  name            = "antiphase-test"
  image           = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/service@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  log_kms_key_arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000001"
}

run "applies" {
  command = apply

  assert {
    condition     = output.cluster == "antiphase-test"
    error_message = "Whoever starts a job must learn where."
  }
}

run "refuses_memory_that_fargate_lacks" {
  command = plan

  variables {
    memory = 3072
  }

  expect_failures = [var.memory]
}

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    cpu      = 1000
    image    = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase:latest"
    command  = []
    log_days = 42
  }

  expect_failures = [var.cpu, var.image, var.command, var.log_days]
}

run "refuses_odd_memory" {
  command = plan

  variables {
    memory = 4500
  }

  expect_failures = [var.memory]
}
