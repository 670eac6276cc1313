data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "function" {
  #checkov:skip=CKV_AWS_111:traces and descriptions of networks have no resource of their own
  #checkov:skip=CKV_AWS_356:traces and descriptions of networks have no resource of their own
  statement {
    sid       = "WriteItsLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.logs}:${local.function_log}:*"]
  }

  statement {
    sid       = "ReadTheKeys"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.config_secret_arn]
  }

  statement {
    sid       = "DecryptTheKeys"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arn]
  }

  # X-Ray knows no resources.
  statement {
    sid       = "SendTraces"
    actions   = ["xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"]
  }

  # The platform takes these rights to lay the function's interfaces into our subnets.
  dynamic "statement" {
    for_each = var.network == null ? [] : [var.network]

    content {
      sid     = "LayInterfaces"
      actions = ["ec2:CreateNetworkInterface"]
      resources = concat(
        ["arn:${local.partition}:ec2:${local.region}:${local.account}:network-interface/*"],
        [for subnet in statement.value.subnet_ids : "arn:${local.partition}:ec2:${local.region}:${local.account}:subnet/${subnet}"],
        [for group in statement.value.security_group_ids : "arn:${local.partition}:ec2:${local.region}:${local.account}:security-group/${group}"],
      )
    }
  }

  dynamic "statement" {
    for_each = var.network == null ? [] : [var.network]

    content {
      sid       = "TakeInterfacesAway"
      actions   = ["ec2:AssignPrivateIpAddresses", "ec2:DeleteNetworkInterface", "ec2:UnassignPrivateIpAddresses"]
      resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:network-interface/*"]
    }
  }

  # Descriptions know no resources.
  dynamic "statement" {
    for_each = var.network == null ? [] : [var.network]

    content {
      sid       = "FindInterfaces"
      actions   = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]
      resources = ["*"]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = local.function
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "function" {
  name   = "function"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.function.json
}

resource "aws_iam_role_policy" "states" {
  for_each = var.states == null ? {} : { this = var.states }

  name   = "states"
  role   = aws_iam_role.this.id
  policy = each.value.connect_policy
}
