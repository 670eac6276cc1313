# One managed group only: Terraform takes half a second for each rule of each plan. The real plan and
# the local API get all groups.
mock_provider "aws" {
  source = "../../tests/mock"
}

variables {
  name            = "antiphase-test"
  scope           = "REGIONAL"
  resources       = { media = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/media/1" }
  managed_groups  = { common = { group = "AWSManagedRulesCommonRuleSet", priority = 100 } }
  log_bucket_arn  = "arn:aws:s3:::antiphase-test-logs-000000000000"
  log_kms_key_arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  log_all         = true
}

run "applies_to_a_load_balancer" {
  command = apply

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.blocked : alarm.dimensions["Region"] == "us-east-1"])
    error_message = "regional metrics have their region"
  }
}

run "refuses_a_distribution_outside_us_east_1" {
  command = plan

  variables {
    scope     = "CLOUDFRONT"
    resources = {}
  }

  override_data {
    target = data.aws_region.this
    values = { name = "eu-west-1" }
  }

  expect_failures = [aws_wafv2_web_acl.this]
}

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    name              = "Antiphase"
    scope             = "GLOBAL"
    rate_limit        = 10
    block_limit       = 3000
    blocked_countries = ["Korea"]
    log_bucket_arn    = "logs"
    log_kms_key_arn   = "secret"
    log_days          = 42
    alarm_thresholds  = { all = 0 }
    managed_groups    = { common = { group = "AWSManagedRulesCommonRuleSet", priority = 10 } }
  }

  expect_failures = [
    var.name, var.scope, var.rate_limit, var.block_limit, var.blocked_countries, var.log_bucket_arn,
    var.log_kms_key_arn, var.log_days, var.alarm_thresholds, var.managed_groups,
  ]
}

run "refuses_other_bad_values" {
  command = plan

  variables {
    scope          = "CLOUDFRONT"
    managed_groups = { common = { group = "AWSManagedRulesCommonRuleSet", priority = 100, override_action = "block" } }
  }

  expect_failures = [var.resources, var.managed_groups]
}

run "refuses_two_groups_of_one_priority" {
  command = plan

  variables {
    managed_groups = {
      common = { group = "AWSManagedRulesCommonRuleSet", priority = 100 }
      sqli   = { group = "AWSManagedRulesSQLiRuleSet", priority = 100 }
    }
  }

  expect_failures = [var.managed_groups]
}

run "refuses_an_action_on_a_group" {
  command = plan

  variables {
    managed_groups = { common = { group = "AWSManagedRulesCommonRuleSet", priority = 100, action = "block" } }
  }

  expect_failures = [var.managed_groups]
}

run "refuses_further_bad_values" {
  command = plan

  variables {
    resources      = { media = "media" }
    managed_groups = { common = { group = "CommonRuleSet", priority = 100 } }
  }

  expect_failures = [var.resources, var.managed_groups]
}

run "refuses_a_label_that_is_none" {
  command = plan

  variables {
    managed_groups = {
      sqli = { group = "AWSManagedRulesSQLiRuleSet", priority = 100, body_rules = { SQLi_BODY = "SQLi_Body" } }
    }
  }

  expect_failures = [var.managed_groups]
}
