data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  region    = data.aws_region.this.name

  function     = "${var.name}-region"
  function_log = "/aws/lambda/${local.function}"
  api_log      = "/${var.name}/region-api"
  logs         = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group"

  environment = merge(
    { ANTIPHASE_EDGE_CONFIG = var.config_secret_arn },
    var.states == null ? {} : { ANTIPHASE_STATES = "elasticache://${var.states.user}@${var.states.endpoint}:${var.states.port}/${var.states.group}?region=${local.region}" },
  )
}

resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_338:how long logs are kept is the environment's choice; a year of them serves nobody
  name              = local.function_log
  retention_in_days = var.log_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_116:calls are synchronous; the client repeats a block
  #checkov:skip=CKV_AWS_117:in our network where the states are, outside where there is no store
  #checkov:skip=CKV_AWS_272:the image is named by its digest
  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.function]

  function_name                  = local.function
  description                    = "What the edge hands over: POST /anc-process"
  role                           = aws_iam_role.this.arn
  package_type                   = "Image"
  image_uri                      = var.image
  architectures                  = ["x86_64"]
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_s
  reserved_concurrent_executions = var.reserved_concurrency
  kms_key_arn                    = var.kms_key_arn
  publish                        = true
  tags                           = merge(var.tags, { Name = local.function })

  image_config {
    entry_point = ["python3", "-m", "awslambdaric"]
    command     = ["antiphase.region.function.handler"]
  }

  environment {
    variables = local.environment
  }

  tracing_config {
    mode = "Active"
  }

  dynamic "vpc_config" {
    for_each = var.network == null ? [] : [var.network]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version that the API calls"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

# A cold start of numpy takes seconds, so production keeps some instances warm.
resource "aws_lambda_provisioned_concurrency_config" "live" {
  for_each = var.warm_instances > 0 ? { this = var.warm_instances } : {}

  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = each.value
}
