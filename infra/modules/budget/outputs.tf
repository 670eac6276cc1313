output "budget" {
  description = "Name of the budget."
  value       = aws_budgets_budget.this.name
}

output "anomaly_monitor_arn" {
  description = "Monitor of anomalies; null where there is none."
  value       = try(aws_ce_anomaly_monitor.this["this"].arn, null)
}
