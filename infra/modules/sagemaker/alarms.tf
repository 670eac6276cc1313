resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:how long logs are kept is the environment's choice; a year of them serves nobody
  name              = "/aws/sagemaker/Endpoints/${var.name}"
  retention_in_days = var.log_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

locals {
  alarms = merge([for variant in keys(var.variants) : {
    "${variant}-faults"  = { variant = variant, metric = "Invocation5XXErrors", statistic = "Sum", threshold = 5, why = "fails" }
    "${variant}-latency" = { variant = variant, metric = "ModelLatency", statistic = "Average", threshold = 1000 * var.latency_ms, why = "answers late" }
  }]...)
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-sagemaker-${each.key}"
  alarm_description   = "The model ${each.value.variant} ${each.value.why}: sessions keep the filter that they have. See docs/operations."
  namespace           = "AWS/SageMaker"
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
  dimensions          = { EndpointName = var.name, VariantName = each.value.variant }
  tags                = var.tags
}
