output "url" {
  description = "Repository of the product's images, to push to."
  value       = aws_ecr_repository.this.repository_url
}

output "edge_secret_arn" {
  description = "Secret of the keys of edge and region, empty until an operator puts them."
  value       = aws_secretsmanager_secret.edge.arn
}
