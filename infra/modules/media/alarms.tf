locals {
  alarms = {
    unserved = { metric = "HealthyHostCount", statistic = "Minimum", above = false, threshold = 0, missing = "breaching", target = "signalling", why = "has no node behind signalling: nobody can join" }
    refused  = { metric = "UnHealthyHostCount", statistic = "Maximum", above = true, threshold = 1, missing = "notBreaching", target = "signalling", why = "finds a node that takes no signalling" }
    tls      = { metric = "ClientTLSNegotiationErrorCount", statistic = "Sum", above = true, threshold = 100, missing = "notBreaching", target = null, why = "sees many failed handshakes: an old client, a wrong certificate or a scan" }
    ports    = { metric = "PortAllocationErrorCount", statistic = "Sum", above = true, threshold = 1, missing = "notBreaching", target = null, why = "runs out of ports towards the nodes: add nodes" }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-media-${each.key}"
  alarm_description   = "The load balancer ${each.value.why}. See docs/operations."
  namespace           = "AWS/NetworkELB"
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  threshold           = each.value.threshold
  comparison_operator = each.value.above ? "GreaterThanOrEqualToThreshold" : "LessThanOrEqualToThreshold"
  treat_missing_data  = each.value.missing
  alarm_actions       = var.alarm_topics
  ok_actions          = var.alarm_topics
  tags                = var.tags

  dimensions = merge(
    { LoadBalancer = aws_lb.this.arn_suffix },
    each.value.target == null ? {} : { TargetGroup = aws_lb_target_group.this["signalling"].arn_suffix }
  )
}
