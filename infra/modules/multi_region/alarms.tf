resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = var.regions
  provider = aws.us_east_1

  alarm_name          = "${var.name}-region-${each.key}"
  alarm_description   = "The region ${each.key} does not answer: its sessions rejoin elsewhere. See docs/operations."
  namespace           = "AWS/Route53"
  metric_name         = "HealthCheckStatus"
  statistic           = "Minimum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topics
  ok_actions          = var.alarm_topics
  dimensions          = { HealthCheckId = aws_route53_health_check.this[each.key].id }
  tags                = var.tags
}
