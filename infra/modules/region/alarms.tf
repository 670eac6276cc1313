locals {
  of_function = { FunctionName = local.function, Resource = "${local.function}:live" }

  alarms = {
    failing   = { namespace = "AWS/Lambda", metric = "Errors", statistic = "Sum", threshold = var.alarm_thresholds.errors, dimensions = local.of_function, why = "The function fails" }
    throttled = { namespace = "AWS/Lambda", metric = "Throttles", statistic = "Sum", threshold = 1, dimensions = { FunctionName = local.function }, why = "Blocks are refused: more calls at once than reserved" }
    slow      = { namespace = "AWS/Lambda", metric = "Duration", statistic = "p99", threshold = var.alarm_thresholds.duration_ms, dimensions = local.of_function, why = "One block in a hundred takes too long" }
    refused   = { namespace = "AWS/ApiGateway", metric = "5xx", statistic = "Sum", threshold = var.alarm_thresholds.errors, dimensions = { ApiId = aws_apigatewayv2_api.this.id }, why = "The API answers 5xx" }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.function}-${each.key}"
  alarm_description   = "${each.value.why}. See docs/operations."
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = each.value.statistic == "Sum" ? "Sum" : null
  extended_statistic  = each.value.statistic == "Sum" ? null : each.value.statistic
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
  ok_actions          = var.alarm_topics
  tags                = var.tags

  dimensions = each.value.dimensions
}
