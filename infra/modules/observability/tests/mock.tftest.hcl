mock_provider "aws" {
  source = "../../tests/mock"
}

variables {
  name              = "antiphase-test"
  topic_kms_key_arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  log_kms_key_arn   = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  alert_rules       = "tests/alerts.yaml"
  mail_addresses    = ["team@example.org"]
  distribution_id   = "E1"
  web_acl           = "antiphase-test"
  function_name     = "antiphase-test-region"
  tables            = ["antiphase-test-sessions", "antiphase-test-connections"]
  load_balancer     = { name = "net/antiphase-test/1" }
  cluster = {
    arn                = "arn:aws:eks:us-east-1:000000000000:cluster/antiphase-test"
    subnet_ids         = ["subnet-a", "subnet-b"]
    security_group_ids = ["sg-a"]
  }
  alarms = {
    healthy = {
      namespace  = "AWS/NetworkELB"
      metric     = "UnHealthyHostCount"
      dimensions = { LoadBalancer = "net/antiphase-test/1" }
      statistic  = "p90"
      threshold  = 1
      why        = "A worker does not answer"
    }
  }
}

run "applies" {
  command = apply

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this["this"].dashboard_body).widgets) == 20
    error_message = "five parts, each a title and three graphs"
  }
}

run "applies_to_nothing_that_could_be_shown" {
  command = apply

  variables {
    mail_addresses  = []
    distribution_id = null
    web_acl         = null
    function_name   = null
    tables          = []
    load_balancer   = null
    cluster         = null
    alarms          = {}
    alert_manager   = false
    sampling        = {}
    slow_s          = null
  }

  assert {
    condition     = length(aws_xray_group.this) + length(aws_xray_sampling_rule.this) == 0
    error_message = "what is not traced is not grouped"
  }

  assert {
    condition     = output.dashboard == null
    error_message = "an empty dashboard is none"
  }
}

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    name              = "Antiphase"
    topic_kms_key_arn = "alias/aws/sns"
    log_kms_key_arn   = "secret"
    log_days          = 42
    mail_addresses    = ["team"]
    alert_rules       = "versions.tf"
    cluster           = { arn = "antiphase", subnet_ids = ["subnet-a", "subnet-b"], security_group_ids = [] }
    load_balancer     = { name = "antiphase" }
    slow_s            = 0
    sampling          = { blocks = { priority = 1, path = "/", each_second = 1, share = 10 } }
    alarms            = { lost = { namespace = "AWS/Lambda", metric = "Errors", dimensions = {}, threshold = 1, why = "Nothing" } }
  }

  expect_failures = [
    var.name, var.topic_kms_key_arn, var.log_kms_key_arn, var.log_days, var.mail_addresses,
    var.alert_rules, var.cluster, var.load_balancer, var.slow_s, var.sampling, var.alarms,
  ]
}

run "refuses_an_alarm_without_a_metric" {
  command = plan

  variables {
    alarms = { lost = { namespace = "AWS/Lambda", metric = "", dimensions = { FunctionName = "f" }, threshold = 1, why = "Nothing" } }
  }

  expect_failures = [var.alarms]
}

run "refuses_other_bad_values" {
  command = plan

  variables {
    alarms = { lost = { namespace = "AWS/Lambda", metric = "Errors", dimensions = { FunctionName = "f" }, statistic = "median", threshold = 1, why = "Nothing" } }
    sampling = {
      a = { priority = 1, path = "/a", each_second = 1, share = 0 }
      b = { priority = 1, path = "/b", each_second = 1, share = 0 }
    }
  }

  expect_failures = [var.alarms, var.sampling]
}

run "refuses_an_unknown_meaning_of_no_data" {
  command = plan

  variables {
    alarms = { lost = { namespace = "AWS/Lambda", metric = "Errors", dimensions = { FunctionName = "f" }, missing = "fine", threshold = 1, why = "Nothing" } }
  }

  expect_failures = [var.alarms]
}

run "refuses_an_odd_period" {
  command = plan

  variables {
    alarms = { lost = { namespace = "AWS/Lambda", metric = "Errors", dimensions = { FunctionName = "f" }, period_s = 45, threshold = 1, why = "Nothing" } }
  }

  expect_failures = [var.alarms]
}
