output "host" {
  description = "Name that leads to the nearest region that answers."
  value       = module.multi_region.host
}

output "hosts" {
  description = "Each region's own name."
  value       = module.multi_region.hosts
}

output "tables" {
  description = "Table name by role: connections, sessions."
  value       = module.dynamodb.tables
}

output "buckets" {
  description = "Bucket name by role in each region."
  value       = { for region, stack in local.stacks : region => stack.buckets }
}

output "clusters" {
  description = "Cluster of each region, for aws eks update-kubeconfig."
  value       = { for region, stack in local.stacks : region => stack.cluster }
}

output "states" {
  description = "Where each region's hot states are, and who connects."
  value       = { for region, stack in local.stacks : region => stack.states }
}

output "history" {
  description = "Where each region's measurement history is, and the secret of its user."
  value       = { for region, stack in local.stacks : region => stack.history }
}

output "addresses" {
  description = "Public addresses of each region's load balancer, for firewalls."
  value       = { for region, stack in local.stacks : region => stack.addresses }
}

output "blocks" {
  description = "Where clients send blocks over HTTP; null where blocks are off."
  value       = one([for edge in module.edge : edge.urls])
}

output "registries" {
  description = "Each region's repository of the product's images, to push to, and the secret that takes the keys of edge and region."
  value       = { for region, stack in local.stacks : region => stack.registry }
}
