output "id" {
  description = "Network."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "Address range of the network."
  value       = aws_vpc.this.cidr_block
}

output "public_subnets" {
  description = "Public subnet by zone."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.id }
}

output "private_subnets" {
  description = "Private subnet by zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "security_groups" {
  description = "Security group by role: lambda, media, rds, elasticache, endpoints."
  value       = { for role, group in aws_security_group.this : role => group.id }
}

output "nat_addresses" {
  description = "Public address of each NAT gateway, by zone."
  value       = { for zone, address in aws_eip.nat : zone => address.public_ip }
}
