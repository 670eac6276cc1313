locals {
  # The firewall writes to streams of this prefix only.
  stream        = "aws-waf-logs-${var.name}"
  stream_arn    = "arn:${local.partition}:firehose:${local.region}:${local.account}:deliverystream/${local.stream}"
  log_group     = "/${var.name}/firewall-delivery"
  log_group_arn = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${local.log_group}"
}

resource "aws_cloudwatch_log_group" "delivery" {
  #checkov:skip=CKV_AWS_338:how long logs are kept is the environment's choice; a year of them serves nobody
  name              = local.log_group
  retention_in_days = var.log_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_cloudwatch_log_stream" "delivery" {
  name           = "s3"
  log_group_name = aws_cloudwatch_log_group.delivery.name
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["firehose.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "delivery" {
  statement {
    sid       = "WriteTheLog"
    actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = ["${var.log_bucket_arn}/waf/*"]
  }

  statement {
    sid       = "FindTheBucket"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [var.log_bucket_arn]
  }

  statement {
    sid       = "SayWhatFailed"
    actions   = ["logs:PutLogEvents"]
    resources = ["${local.log_group_arn}:log-stream:*"]
  }
}

resource "aws_iam_role" "delivery" {
  name               = "${var.name}-firewall-delivery"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "delivery" {
  name   = "write"
  role   = aws_iam_role.delivery.id
  policy = data.aws_iam_policy_document.delivery.json
}

resource "aws_kinesis_firehose_delivery_stream" "this" {
  #checkov:skip=CKV_AWS_241:encrypted with AWS's own key in transit to a bucket of logs, which has S3's
  # The stream tries its role when it is made.
  depends_on = [aws_iam_role_policy.delivery]

  name        = local.stream
  destination = "extended_s3"
  tags        = merge(var.tags, { Name = local.stream })

  server_side_encryption {
    enabled  = true
    key_type = "AWS_OWNED_CMK"
  }

  extended_s3_configuration {
    role_arn            = aws_iam_role.delivery.arn
    bucket_arn          = var.log_bucket_arn
    prefix              = "waf/${var.name}/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/"
    error_output_prefix = "waf/${var.name}-failed/!{firehose:error-output-type}/"
    compression_format  = "GZIP"
    buffering_size      = 16
    buffering_interval  = 300

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.delivery.name
      log_stream_name = aws_cloudwatch_log_stream.delivery.name
    }
  }
}

# Bodies are never logged. Blocked requests only, unless asked: one client sends ten blocks a second.
resource "aws_wafv2_web_acl_logging_configuration" "this" {
  resource_arn            = aws_wafv2_web_acl.this.arn
  log_destination_configs = [aws_kinesis_firehose_delivery_stream.this.arn]

  dynamic "redacted_fields" {
    for_each = toset(["authorization", "cookie", "sec-websocket-protocol"])

    content {
      single_header {
        name = redacted_fields.value
      }
    }
  }

  redacted_fields {
    query_string {}
  }

  dynamic "logging_filter" {
    for_each = var.log_all ? [] : ["BLOCK"]

    content {
      default_behavior = "DROP"

      filter {
        behavior    = "KEEP"
        requirement = "MEETS_ANY"

        condition {
          action_condition {
            action = logging_filter.value
          }
        }
      }
    }
  }
}
