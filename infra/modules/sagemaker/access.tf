data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  account = data.aws_caller_identity.this.account_id
  arn     = "arn:${data.aws_partition.this.partition}"
  here    = "${data.aws_region.this.name}:${local.account}"

  endpoint = "${local.arn}:sagemaker:${local.here}:endpoint/${var.name}"

  images       = [for model in values(local.models) : regex("^(?P<account>[0-9]+)\\.dkr\\.ecr\\.(?P<region>[a-z0-9-]+)\\.[^/]+/(?P<repository>[^@]+)@", model.image)]
  repositories = distinct([for image in local.images : "${local.arn}:ecr:${image.region}:${image.account}:repository/${image.repository}"])
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["sagemaker.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "this" {
  #checkov:skip=CKV_AWS_111:a login to the registry and the listing of a network have no narrower resource
  #checkov:skip=CKV_AWS_356:a login to the registry and the listing of a network have no narrower resource
  statement {
    sid       = "ReadModels"
    actions   = ["s3:GetObject"]
    resources = ["${var.models_bucket_arn}/models/*"]
  }

  statement {
    sid       = "DecryptModels"
    actions   = ["kms:Decrypt"]
    resources = [var.kms_key_arn]
  }

  statement {
    sid       = "PullTheImages"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = local.repositories
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.arn}:logs:${local.here}:log-group:/aws/sagemaker/Endpoints/${var.name}:*"]
  }

  statement {
    sid     = "JoinTheNetwork"
    actions = ["ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"]

    resources = [
      "${local.arn}:ec2:${local.here}:network-interface/*",
      "${local.arn}:ec2:${local.here}:security-group/*",
      "${local.arn}:ec2:${local.here}:subnet/*",
    ]
  }

  statement {
    sid       = "LogInAndLookAround"
    actions   = ["ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ecr:GetAuthorizationToken"]
    resources = ["*"]
  }
}

resource "aws_iam_role" "this" {
  name               = "${var.name}-sagemaker"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "this" {
  name   = "serve"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}

data "aws_iam_policy_document" "invoke" {
  statement {
    sid       = "AskTheModels"
    actions   = ["sagemaker:InvokeEndpoint"]
    resources = [local.endpoint]
  }
}

data "aws_iam_policy_document" "rollout" {
  statement {
    sid       = "MoveTrafficBetweenVariants"
    actions   = ["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"]
    resources = [local.endpoint]
  }
}
