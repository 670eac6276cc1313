mock_provider "aws" {
  source = "../../tests/mock"
}

variables {
  name           = "antiphase-test"
  monthly_usd    = 480
  tag            = { key = "Environment", value = "test" }
  mail_addresses = ["team@example.org"]
  topics         = ["arn:aws:sns:us-east-1:000000000000:antiphase-test-alarms"]
}

run "applies" {
  command = apply
}

run "applies_without_anomalies" {
  command = apply

  variables {
    anomaly_usd = null
    tag         = null
  }

  assert {
    condition     = output.anomaly_monitor_arn == null
    error_message = "no monitor is made"
  }
}

run "refuses_to_tell_nobody" {
  command = plan

  variables {
    mail_addresses = []
    topics         = []
  }

  expect_failures = [aws_budgets_budget.this]
}

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    name            = "Antiphase"
    monthly_usd     = 0
    tag             = { key = "Env$ironment", value = "test" }
    actual_percents = []
    anomaly_usd     = 0
    mail_addresses  = ["team"]
    topics          = ["alarms"]
  }

  expect_failures = [
    var.name, var.monthly_usd, var.tag, var.actual_percents, var.anomaly_usd, var.mail_addresses,
    var.topics,
  ]
}

run "refuses_six_notifications" {
  command = plan

  variables {
    actual_percents   = [20, 40, 60, 80, 100]
    forecast_percents = [100]
  }

  expect_failures = [var.forecast_percents]
}

run "refuses_a_forecast_of_nothing" {
  command = plan

  variables {
    forecast_percents = [0]
  }

  expect_failures = [var.forecast_percents]
}
