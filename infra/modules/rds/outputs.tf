output "address" {
  description = "Host name of the database; it follows a fail-over."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "Port of the database."
  value       = aws_db_instance.this.port
}

output "database" {
  description = "Name of the database."
  value       = aws_db_instance.this.db_name
}

output "secret_arn" {
  description = "Secret that holds user and password; RDS rotates it every seven days."
  value       = one(aws_db_instance.this.master_user_secret[*].secret_arn)
}

output "resource_id" {
  description = "Id of the database in IAM policies for rds-db:connect."
  value       = aws_db_instance.this.resource_id
}
