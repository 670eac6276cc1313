output "host" {
  description = "Host name of the API: what the edge hands over to."
  value       = var.domain == null ? trimprefix(aws_apigatewayv2_api.this.api_endpoint, "https://") : var.domain.name
}

output "url" {
  description = "Where clients send blocks that the edge did not answer."
  value       = "https://${var.domain == null ? trimprefix(aws_apigatewayv2_api.this.api_endpoint, "https://") : var.domain.name}/anc-process"
}

output "api_id" {
  description = "API, for dashboards."
  value       = aws_apigatewayv2_api.this.id
}

output "function_name" {
  description = "Function, for dashboards."
  value       = aws_lambda_function.this.function_name
}

output "function_arn" {
  description = "The function's live version."
  value       = aws_lambda_alias.live.arn
}

output "log_groups" {
  description = "Log group by what writes it: function, api."
  value       = { function = aws_cloudwatch_log_group.function.name, api = aws_cloudwatch_log_group.api.name }
}

output "alarms" {
  description = "Alarm name by what it watches."
  value       = { for what, alarm in aws_cloudwatch_metric_alarm.this : what => alarm.alarm_name }
}
