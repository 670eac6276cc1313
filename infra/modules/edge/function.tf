locals {
  function = "${var.name}-edge"

  # One vCPU is 1769 MB. Compute may take `compute_share` of a block's length.
  memory_mb = max(128, ceil(1769 * var.compute_ms / (var.compute_share * var.block_ms)))

  # CloudFront logs where the function ran: one group in each of its regions, made at the first call.
  log_group = "arn:${local.partition}:logs:*:${local.account}:log-group:/aws/lambda/us-east-1.${local.function}"
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["edgelambda.amazonaws.com", "lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "logs" {
  statement {
    sid       = "MakeItsLogInAnyRegion"
    actions   = ["logs:CreateLogGroup"]
    resources = [local.log_group, "${local.log_group}:*"]
  }

  statement {
    sid       = "WriteItsLogInAnyRegion"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.log_group}:*"]
  }
}

resource "aws_iam_role" "this" {
  name               = local.function
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "logs" {
  name   = "logs"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.logs.json
}

# At the edge there is no environment, layer, network, container, tracing or dead letter, and only a
# numbered version can be taken.
resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:the platform has no tracing at the edge; the log carries the trace's id
  #checkov:skip=CKV_AWS_115:a reserve would be taken from the account in us-east-1 and not hold at the edge
  #checkov:skip=CKV_AWS_116:calls are synchronous; the client repeats a block
  #checkov:skip=CKV_AWS_117:the edge has no network of ours
  #checkov:skip=CKV_AWS_173:the edge takes no environment
  #checkov:skip=CKV_AWS_272:the package is built from this repository, and its hash is in the plan
  function_name    = local.function
  description      = "Blocks of samples at the edge: POST /anc-process"
  role             = aws_iam_role.this.arn
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  handler          = "edge.handler.lambda_handler"
  runtime          = "python3.13"
  architectures    = ["x86_64"]
  memory_size      = local.memory_mb
  timeout          = var.timeout_s
  publish          = true
  skip_destroy     = var.keep_function
  tags             = merge(var.tags, { Name = local.function })

  lifecycle {
    precondition {
      condition     = data.aws_region.this.name == "us-east-1"
      error_message = "The edge's function lives in us-east-1 only: pass providers = { aws = aws.us_east_1 } (here it is ${data.aws_region.this.name})."
    }

    precondition {
      condition     = local.memory_mb <= 10240
      error_message = "compute_ms, compute_share and block_ms ask for ${local.memory_mb} MB; the platform has 10240: hand over more to the region, or send longer blocks."
    }
  }
}
