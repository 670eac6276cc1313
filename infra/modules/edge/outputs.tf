output "distribution_id" {
  description = "Distribution, for dashboards and invalidations."
  value       = aws_cloudfront_distribution.this.id
}

output "domain_name" {
  description = "CloudFront's own name of the distribution."
  value       = aws_cloudfront_distribution.this.domain_name
}

output "urls" {
  description = "Where clients send blocks: one address by name of the distribution."
  value       = [for name in try(var.domain.names, [aws_cloudfront_distribution.this.domain_name]) : "https://${name}/anc-process"]
}

output "function_arn" {
  description = "Published version of the function that the distribution runs."
  value       = aws_lambda_function.this.qualified_arn
}

output "memory_mb" {
  description = "Memory of the function, from the measured compute."
  value       = local.memory_mb
}

output "alarms" {
  description = "Alarm name by what it watches."
  value       = { for what, alarm in aws_cloudwatch_metric_alarm.this : what => alarm.alarm_name }
}
