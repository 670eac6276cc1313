output "endpoint" {
  description = "Address of the node that takes writes; it follows a fail-over."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "reader_endpoint" {
  description = "Address that spreads reads over the replicas."
  value       = aws_elasticache_replication_group.this.reader_endpoint_address
}

output "port" {
  description = "Port of both addresses, TLS only."
  value       = aws_elasticache_replication_group.this.port
}

output "user" {
  description = "Name that the service connects as, with a token of IAM instead of a password."
  value       = aws_elasticache_user.service.user_name
}

output "group" {
  description = "Replication group: a token is made for it."
  value       = aws_elasticache_replication_group.this.replication_group_id
}

output "connect_policy" {
  description = "Policy that lets a role connect as the service."
  value       = data.aws_iam_policy_document.connect.json
}
