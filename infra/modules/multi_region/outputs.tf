output "host" {
  description = "Name that leads to the nearest region that answers."
  value       = var.domain
}

output "hosts" {
  description = "Each region's own name."
  value       = local.hosts
}

output "health_checks" {
  description = "Health check by region."
  value       = { for region, check in aws_route53_health_check.this : region => check.id }
}

output "failover_seconds" {
  description = "Seconds until clients that heed the time to live (60 s, an alias's) are led elsewhere, at most."
  value       = 10 * var.failures + 60
}
