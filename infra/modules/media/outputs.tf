output "cluster" {
  description = "Name of the cluster, for aws eks update-kubeconfig."
  value       = aws_eks_cluster.this.name
}

output "addresses" {
  description = "Public address of the load balancer by zone."
  value       = { for zone, address in aws_eip.this : zone => address.public_ip }
}

output "dns_name" {
  description = "Name of the load balancer."
  value       = aws_lb.this.dns_name
}

output "zone_id" {
  description = "Hosted zone of the load balancer's name, for alias records."
  value       = aws_lb.this.zone_id
}

output "arn_suffix" {
  description = "Load balancer in metrics."
  value       = aws_lb.this.arn_suffix
}

output "service_role" {
  description = "Role of the service's pods."
  value       = aws_iam_role.pod["service"].name
}
