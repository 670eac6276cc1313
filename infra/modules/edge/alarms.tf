locals {
  # A throttled or killed function is a 5xx; the two others say that it is the function's own fault.
  alarms = {
    failing  = { metric = "5xxErrorRate", statistic = "Average", threshold = var.alarm_thresholds.failing_percent, why = "Requests fail: clients go to the region" }
    broken   = { metric = "LambdaExecutionError", statistic = "Sum", threshold = var.alarm_thresholds.faults, why = "The edge's function breaks" }
    unusable = { metric = "LambdaValidationError", statistic = "Sum", threshold = var.alarm_thresholds.faults, why = "CloudFront refuses what the edge's function returns" }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-edge-${each.key}"
  alarm_description   = "${each.value.why}. See docs/operations."
  namespace           = "AWS/CloudFront"
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
  ok_actions          = var.alarm_topics
  tags                = var.tags

  dimensions = { DistributionId = aws_cloudfront_distribution.this.id, Region = "Global" }
}
