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
  scope             = "CLOUDFRONT"
  blocked_countries = ["KP"]
  log_bucket_arn    = "arn:aws:s3:::antiphase-test-logs-000000000000"
  log_kms_key_arn   = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
}

run "plans" {
  command = plan

  assert {
    condition     = length(distinct([for rule in aws_wafv2_web_acl.this.rule : rule.priority])) == length(aws_wafv2_web_acl.this.rule)
    error_message = "each rule has a priority of its own"
  }

  assert {
    condition     = length([for rule in aws_wafv2_web_acl.this.rule : rule if length(rule.override_action) == 1]) == 6
    error_message = "six managed groups"
  }

  assert {
    condition = alltrue([for rule in aws_wafv2_web_acl.this.rule :
      length(rule.override_action) == (length(rule.statement[0].managed_rule_group_statement) > 0 ? 1 : 0) && length(rule.action) + length(rule.override_action) == 1
    ])
    error_message = "a managed group has override_action, an own rule has action"
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.blocked : !contains(keys(alarm.dimensions), "Region")])
    error_message = "metrics of CloudFront have no region"
  }

  assert {
    condition     = startswith(aws_kinesis_firehose_delivery_stream.this.name, "aws-waf-logs-")
    error_message = "the firewall writes to streams of this prefix only"
  }

  assert {
    condition = toset(flatten([for statement in jsondecode(data.aws_iam_policy_document.delivery.json).Statement : statement.Resource])) == toset([
      "arn:aws:s3:::antiphase-test-logs-000000000000",
      "arn:aws:s3:::antiphase-test-logs-000000000000/waf/*",
      "arn:aws:logs:us-east-1:000000000000:log-group:/antiphase-test/firewall-delivery:log-stream:*",
    ])
    error_message = "delivery writes to the firewall's folder and its own log only"
  }
}
