output "tables" {
  description = "Table name by role: connections, sessions."
  value       = { for role, table in aws_dynamodb_table.this : role => table.name }
}

output "arns" {
  description = "Table ARN by role."
  value       = { for role, table in aws_dynamodb_table.this : role => table.arn }
}

output "stream_arns" {
  description = "ARN of each table's stream of changes."
  value       = { for role, table in aws_dynamodb_table.this : role => table.stream_arn }
}
