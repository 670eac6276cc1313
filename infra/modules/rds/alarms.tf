locals {
  gib = pow(1024, 3)
  alarms = {
    cpu         = { metric = "CPUUtilization", above = true, threshold = 80, why = "is busy: history is written late" }
    storage     = { metric = "FreeStorageSpace", above = false, threshold = local.gib * max(2, var.storage_gb / 10), why = "is nearly full, and has grown as far as it may" }
    memory      = { metric = "FreeableMemory", above = false, threshold = local.gib / 8, why = "runs out of memory" }
    connections = { metric = "DatabaseConnections", above = true, threshold = var.most_connections, why = "has many connections: a worker may leak them" }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-rds-${each.key}"
  alarm_description   = "The database ${each.value.why}. See docs/operations."
  namespace           = "AWS/RDS"
  metric_name         = each.value.metric
  statistic           = "Average"
  period              = 60
  evaluation_periods  = 5
  threshold           = each.value.threshold
  comparison_operator = each.value.above ? "GreaterThanOrEqualToThreshold" : "LessThanOrEqualToThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topics
  ok_actions          = var.alarm_topics
  dimensions          = { DBInstanceIdentifier = aws_db_instance.this.identifier }
  tags                = var.tags
}
