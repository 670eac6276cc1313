# The real provider, without an account: its own checks of the plan.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  name           = "antiphase-test"
  monthly_usd    = 480
  tag            = { key = "Environment", value = "test" }
  mail_addresses = ["team@example.org"]
  topics         = ["arn:aws:sns:us-east-1:000000000000:antiphase-test-alarms"]
}

run "plans" {
  command = plan

  assert {
    condition     = tonumber(aws_budgets_budget.this.limit_amount) == 480 && aws_budgets_budget.this.time_unit == "MONTHLY"
    error_message = "a month's budget"
  }

  assert {
    condition     = join(",", sort([for notice in aws_budgets_budget.this.notification : "${notice.notification_type} ${notice.threshold}"])) == "ACTUAL 100,ACTUAL 50,ACTUAL 80,FORECASTED 100"
    error_message = "half, four fifths, all, and all by the month's end"
  }

  assert {
    condition     = alltrue([for filter in aws_budgets_budget.this.cost_filter : join(",", filter.values) == "user:Environment$test"])
    error_message = "only what carries the tag counts"
  }

  assert {
    condition     = join(",", sort([for subscription in aws_ce_anomaly_subscription.this : subscription.frequency])) == "DAILY,IMMEDIATE"
    error_message = "a mail each day, the topic at once"
  }
}
