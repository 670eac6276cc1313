output "kms_key_arns" {
  description = "Key ARN by purpose: data, logs."
  value       = module.kms.arns
}

output "buckets" {
  description = "Bucket name by role: raw, processed, models, logs."
  value       = module.s3.buckets
}

output "bucket_arns" {
  description = "Bucket ARN by role, known at plan."
  value       = module.s3.arns
}

output "registry" {
  description = "Repository of the product's images, and the secret of the keys of edge and region."
  value       = { url = module.registry.url, edge_secret_arn = module.registry.edge_secret_arn }
}

output "private_subnets" {
  description = "Private subnet by zone."
  value       = module.vpc.private_subnets
}

output "security_groups" {
  description = "Security group by role."
  value       = module.vpc.security_groups
}

output "alarm_topic" {
  description = "Topic that learns of alarms."
  value       = module.observability.topic_arn
}

output "balancer" {
  description = "Load balancer of media and signalling: its name and the hosted zone of that name."
  value       = { dns_name = module.media.dns_name, zone_id = module.media.zone_id }
}

output "balancer_arn_suffix" {
  description = "Load balancer in metrics."
  value       = module.media.arn_suffix
}

output "addresses" {
  description = "Public address of the load balancer by zone."
  value       = module.media.addresses
}

output "nat_addresses" {
  description = "Public address of each NAT gateway, by zone."
  value       = module.vpc.nat_addresses
}

output "cluster" {
  description = "Name of the cluster, for aws eks update-kubeconfig."
  value       = module.media.cluster
}

output "states" {
  description = "Where hot states are: address and port, the user that IAM knows, and the group for which a token is made."
  value = {
    address = module.elasticache.endpoint
    port    = module.elasticache.port
    user    = module.elasticache.user
    group   = module.elasticache.group
  }
}

output "history" {
  description = "Where measurement history is: address, port, database and the secret of its user."
  value = {
    address    = module.rds.address
    port       = module.rds.port
    database   = module.rds.database
    secret_arn = module.rds.secret_arn
  }
}

output "data_policy" {
  description = "Policy of whoever serves sessions: tables, objects and their key."
  value       = data.aws_iam_policy_document.data.json
}

output "models" {
  description = "Name of the model endpoint, null without models."
  value       = one([for endpoint in module.sagemaker : endpoint.endpoint])
}
