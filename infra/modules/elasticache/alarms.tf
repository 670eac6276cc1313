locals {
  alarms = merge([for node in local.nodes : {
    "${node}-cpu"       = { node = node, metric = "EngineCPUUtilization", statistic = "Average", threshold = 80, why = "is busy: states come late" }
    "${node}-memory"    = { node = node, metric = "DatabaseMemoryUsagePercentage", statistic = "Average", threshold = 80, why = "is nearly full" }
    "${node}-evictions" = { node = node, metric = "Evictions", statistic = "Sum", threshold = 1, why = "drops states before their time: filters start anew" }
    "${node}-lag"       = { node = node, metric = "ReplicationLag", statistic = "Maximum", threshold = 10, why = "lags: a fail-over would lose seconds of states" }
  }]...)
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = each.key
  alarm_description   = "The Valkey node ${each.value.node} ${each.value.why}. See docs/operations."
  namespace           = "AWS/ElastiCache"
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
  ok_actions          = var.alarm_topics
  dimensions          = { CacheClusterId = each.value.node }
  tags                = var.tags

  # The nodes exist once their group does.
  depends_on = [aws_elasticache_replication_group.this]
}
