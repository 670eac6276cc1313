output "arns" {
  description = "Key ARN by purpose."
  value       = { for purpose, key in aws_kms_key.this : purpose => key.arn }
}

output "aliases" {
  description = "Alias by purpose."
  value       = { for purpose, alias in aws_kms_alias.this : purpose => alias.name }
}
