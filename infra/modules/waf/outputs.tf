output "arn" {
  description = "Web ACL, for the distribution or the load balancer that it guards."
  value       = aws_wafv2_web_acl.this.arn
}

output "rules" {
  description = "Priority by rule, in the order of evaluation."
  value       = { for rule in aws_wafv2_web_acl.this.rule : rule.name => rule.priority }
}

output "log_stream_arn" {
  description = "Delivery stream of the firewall's log."
  value       = aws_kinesis_firehose_delivery_stream.this.arn
}

output "alarms" {
  description = "Alarm name by what it watches."
  value       = { for what, alarm in aws_cloudwatch_metric_alarm.blocked : what => alarm.alarm_name }
}
