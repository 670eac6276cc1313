output "topic_arn" {
  description = "Topic that alarms and alerts go to."
  value       = aws_sns_topic.alarms.arn

  # Whoever publishes needs the policy first.
  depends_on = [aws_sns_topic_policy.alarms]
}

output "workspace" {
  description = "Prometheus: id, and the address that Grafana asks."
  value       = { id = aws_prometheus_workspace.this.id, url = aws_prometheus_workspace.this.prometheus_endpoint }
}

output "dashboard" {
  description = "Name of the dashboard; null without any part to show."
  value       = try(aws_cloudwatch_dashboard.this["this"].dashboard_name, null)
}

output "log_group" {
  description = "Log group of the service."
  value       = aws_cloudwatch_log_group.service.name
}

output "alarms" {
  description = "Alarm name by what it watches."
  value       = { for what, alarm in aws_cloudwatch_metric_alarm.this : what => alarm.alarm_name }
}
