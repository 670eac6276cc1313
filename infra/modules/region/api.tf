# An HTTP API and not a function URL: it throttles before the function is paid for, writes an access
# log, and carries a name of our own, which the records of several regions need. It has no firewall;
# the distribution has, and the direct way in is throttled as a whole.
resource "aws_cloudwatch_log_group" "api" {
  #checkov:skip=CKV_AWS_338:how long logs are kept is the environment's choice; a year of them serves nobody
  name              = local.api_log
  retention_in_days = var.log_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_apigatewayv2_api" "this" {
  name                         = local.function
  description                  = "Blocks of samples: POST /anc-process"
  protocol_type                = "HTTP"
  disable_execute_api_endpoint = var.domain != null
  ip_address_type              = "dualstack"
  tags                         = var.tags
}

resource "aws_apigatewayv2_integration" "this" {
  api_id                 = aws_apigatewayv2_api.this.id
  description            = "The function's live version"
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_alias.live.invoke_arn
  integration_method     = "POST"
  payload_format_version = "2.0"
  timeout_milliseconds   = 1000 * var.timeout_s
}

# The function answers the preflight of browsers as the edge does.
resource "aws_apigatewayv2_route" "this" {
  #checkov:skip=CKV_AWS_309:the blocks carry a signed state; the product's users have no AWS identity
  for_each = toset(["OPTIONS", "POST"])

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "${each.key} /anc-process"
  target             = "integrations/${aws_apigatewayv2_integration.this.id}"
  authorization_type = "NONE"
}

resource "aws_apigatewayv2_stage" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  description = "Throttled as a whole; the firewall of the distribution throttles by address"
  auto_deploy = true
  tags        = var.tags

  default_route_settings {
    detailed_metrics_enabled = true
    throttling_rate_limit    = var.rate
    throttling_burst_limit   = var.burst
  }

  # No bodies and no query strings.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.api.arn
    format = jsonencode({
      at        = "$context.requestTime"
      address   = "$context.identity.sourceIp"
      route     = "$context.routeKey"
      status    = "$context.status"
      ms        = "$context.responseLatency"
      bytes     = "$context.responseLength"
      fault     = "$context.integrationErrorMessage"
      request   = "$context.requestId"
      userAgent = "$context.identity.userAgent"
    })
  }
}

resource "aws_lambda_permission" "api" {
  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/*/anc-process"
}

# An HTTP API offers TLS 1.2 only as its least; clients that know TLS 1.3 get it.
resource "aws_apigatewayv2_domain_name" "this" {
  for_each = var.domain == null ? {} : { this = var.domain }

  domain_name = each.value.name
  tags        = var.tags

  domain_name_configuration {
    certificate_arn = each.value.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
    ip_address_type = "dualstack"
  }
}

resource "aws_apigatewayv2_api_mapping" "this" {
  for_each = aws_apigatewayv2_domain_name.this

  api_id      = aws_apigatewayv2_api.this.id
  domain_name = each.value.id
  stage       = aws_apigatewayv2_stage.this.id
}

resource "aws_route53_record" "this" {
  for_each = var.domain == null ? toset([]) : toset(["A", "AAAA"])

  zone_id        = var.domain.zone_id
  name           = var.domain.name
  type           = each.key
  set_identifier = local.region

  alias {
    name                   = aws_apigatewayv2_domain_name.this["this"].domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.this["this"].domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = true
  }

  # Each region has a record of the same name; clients and the edge get the nearest.
  latency_routing_policy {
    region = local.region
  }
}
