output "host" {
  description = "Name that leads to the nearest region that answers."
  value       = module.antiphase.host
}

output "hosts" {
  description = "Each region's own name."
  value       = module.antiphase.hosts
}

output "tables" {
  description = "Table name by role: connections, sessions."
  value       = module.antiphase.tables
}

output "buckets" {
  description = "Bucket name by role in each region."
  value       = module.antiphase.buckets
}

output "clusters" {
  description = "Cluster of each region, for aws eks update-kubeconfig."
  value       = module.antiphase.clusters
}

output "states" {
  description = "Where each region's hot states are, and who connects."
  value       = module.antiphase.states
}

output "history" {
  description = "Where each region's measurement history is, and the secret of its user."
  value       = module.antiphase.history
}

output "addresses" {
  description = "Public addresses of each region's load balancer, for firewalls."
  value       = module.antiphase.addresses
}

output "blocks" {
  description = "Where clients send blocks over HTTP; null where blocks are off."
  value       = module.antiphase.blocks
}

output "registries" {
  description = "Each region's repository of the product's images, to push to, and the secret that takes the keys of edge and region."
  value       = module.antiphase.registries
}
