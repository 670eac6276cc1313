# The real provider, without an account: its own checks of the plan, and the policies as they are.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.this
  values = { account_id = "000000000000" }
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
    subnet_ids         = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    security_group_ids = ["sg-0123456789abcdef0"]
  }
  alarms = {
    healthy = {
      namespace  = "AWS/NetworkELB"
      metric     = "UnHealthyHostCount"
      dimensions = { LoadBalancer = "net/antiphase-test/1" }
      statistic  = "Maximum"
      threshold  = 1
      why        = "A worker does not answer"
    }
  }
}

run "plans" {
  command = plan

  assert {
    condition     = alltrue([for statement in jsondecode(data.aws_iam_policy_document.topic.json).Statement : statement.Effect == "Deny" || try(statement.Condition.StringEquals["aws:SourceAccount"] == "000000000000", false)])
    error_message = "only services on behalf of this account publish"
  }

  assert {
    condition     = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this["this"].dashboard_body).widgets : length(widget.properties.metrics) > 0 if widget.type == "metric"])
    error_message = "no graph is empty"
  }

  assert {
    condition     = length(aws_xray_sampling_rule.this) == 2 && aws_xray_sampling_rule.this["blocks"].fixed_rate == 0.001
    error_message = "of the many blocks a thousandth is traced"
  }

  assert {
    condition     = length(yamldecode(yamldecode(aws_prometheus_alert_manager_definition.this["this"].definition).alertmanager_config).receivers) == 1
    error_message = "alerts go to the topic"
  }

  assert {
    condition     = length(yamldecode(aws_prometheus_scraper.this["this"].scrape_configuration).scrape_configs) == 1
    error_message = "the cluster's pods are read"
  }

  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == var.topic_kms_key_arn && aws_cloudwatch_log_group.service.retention_in_days == 90
    error_message = "the topic is encrypted and the log ends"
  }
}
