locals {
  metrics = ["ReadThrottleEvents", "WriteThrottleEvents"]
  places = merge(
    { for table in keys(local.tables) : table => { table = table, index = null } },
    merge([for table, shape in local.tables : {
      for index in keys(shape.indexes) : "${table}-${index}" => { table = table, index = index }
    }]...)
  )
  alarms = merge([for place, at in local.places : {
    for metric in local.metrics : "${place}-${metric}" => merge(at, { metric = metric })
  }]...)
}

resource "aws_cloudwatch_metric_alarm" "throttled" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "DynamoDB throttles ${each.value.table}${each.value.index == null ? "" : "/${each.value.index}"}: sessions fail to join or to move. See docs/operations."
  namespace           = "AWS/DynamoDB"
  metric_name         = each.value.metric
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  threshold           = var.alarm_threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
  ok_actions          = var.alarm_topics
  tags                = var.tags

  dimensions = merge(
    { TableName = aws_dynamodb_table.this[each.value.table].name },
    each.value.index == null ? {} : { GlobalSecondaryIndexName = each.value.index }
  )
}
