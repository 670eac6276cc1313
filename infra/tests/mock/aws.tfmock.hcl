# What the mocked provider answers in the tests of every module.
mock_data "aws_caller_identity" {
  defaults = { account_id = "000000000000" }
}

mock_data "aws_partition" {
  defaults = { partition = "aws" }
}

mock_data "aws_region" {
  defaults = { name = "us-east-1" }
}

mock_data "aws_iam_policy_document" {
  defaults = { json = "{}" }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:us-east-1:000000000000:log-group:test" }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::000000000000:role/test" }
}

mock_resource "aws_lb" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/net/test/0"
    arn_suffix = "net/test/0"
  }
}

mock_resource "aws_lb_target_group" {
  defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/test/0" }
}

mock_resource "aws_launch_template" {
  defaults = { id = "lt-0" }
}

mock_resource "aws_eks_node_group" {
  defaults = { resources = [{ autoscaling_groups = [{ name = "test" }] }] }
}

mock_resource "aws_eip" {
  defaults = { public_ip = "192.0.2.1" }
}

mock_resource "aws_wafv2_web_acl" {
  defaults = { arn = "arn:aws:wafv2:us-east-1:000000000000:global/webacl/test/00000000-0000-0000-0000-000000000000" }
}

mock_resource "aws_kinesis_firehose_delivery_stream" {
  defaults = { arn = "arn:aws:firehose:us-east-1:000000000000:deliverystream/test" }
}

mock_resource "aws_lambda_function" {
  defaults = {
    arn           = "arn:aws:lambda:us-east-1:000000000000:function:test"
    qualified_arn = "arn:aws:lambda:us-east-1:000000000000:function:test:1"
  }
}

mock_resource "aws_cloudfront_distribution" {
  defaults = { arn = "arn:aws:cloudfront::000000000000:distribution/E1" }
}

mock_resource "aws_cloudwatch_log_delivery_destination" {
  defaults = { arn = "arn:aws:logs:us-east-1:000000000000:delivery-destination:test" }
}

mock_resource "aws_lambda_alias" {
  defaults = {
    arn        = "arn:aws:lambda:us-east-1:000000000000:function:test:live"
    invoke_arn = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:test:live/invocations"
  }
}

mock_resource "aws_apigatewayv2_api" {
  defaults = {
    api_endpoint  = "https://test.execute-api.us-east-1.amazonaws.com"
    execution_arn = "arn:aws:execute-api:us-east-1:000000000000:test"
  }
}

mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws:sns:us-east-1:000000000000:test" }
}

mock_resource "aws_prometheus_workspace" {
  defaults = { arn = "arn:aws:aps:us-east-1:000000000000:workspace/ws-0" }
}

mock_resource "aws_ce_anomaly_monitor" {
  defaults = { arn = "arn:aws:ce::000000000000:anomalymonitor/00000000-0000-0000-0000-000000000000" }
}

mock_resource "aws_kms_key" {
  defaults = { arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000" }
}

mock_resource "aws_acm_certificate" {
  defaults = {
    arn = "arn:aws:acm:us-east-1:000000000000:certificate/0"
    domain_validation_options = [
      { domain_name = "live.example.org", resource_record_name = "a", resource_record_type = "CNAME", resource_record_value = "b" },
      { domain_name = "us-east-1.live.example.org", resource_record_name = "c", resource_record_type = "CNAME", resource_record_value = "d" },
      { domain_name = "api.live.example.org", resource_record_name = "g", resource_record_type = "CNAME", resource_record_value = "h" },
      { domain_name = "edge.live.example.org", resource_record_name = "i", resource_record_type = "CNAME", resource_record_value = "j" },
      { domain_name = "eu-west-1.live.example.org", resource_record_name = "e", resource_record_type = "CNAME", resource_record_value = "f" },
    ]
  }
}

mock_resource "aws_acm_certificate_validation" {
  defaults = { certificate_arn = "arn:aws:acm:us-east-1:000000000000:certificate/0" }
}

mock_resource "aws_secretsmanager_secret" {
  defaults = { arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:test-000000" }
}
