locals {
  alarms = {
    rate-blocks = { rule = "rate-blocks", threshold = var.alarm_thresholds.rate_blocks, why = "A client of /anc-process is over its rate: the anti-noise of everybody behind its address stops" }
    all         = { rule = "ALL", threshold = var.alarm_thresholds.all, why = "Many requests are blocked: an attack, or a rule that blocks our own clients" }
  }
  # CloudFront's metrics have no region.
  place = var.scope == "CLOUDFRONT" ? {} : { Region = local.region }
}

resource "aws_cloudwatch_metric_alarm" "blocked" {
  for_each = local.alarms

  alarm_name          = "${var.name}-blocked-${each.key}"
  alarm_description   = "${each.value.why}. See docs/operations."
  namespace           = "AWS/WAFV2"
  metric_name         = "BlockedRequests"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
  ok_actions          = var.alarm_topics
  tags                = var.tags

  dimensions = merge({ WebACL = var.name, Rule = each.value.rule }, local.place)
}
