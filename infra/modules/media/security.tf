resource "aws_security_group" "this" {
  name                   = "${var.name}-balancer"
  description            = "Load balancer of media and signalling"
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
  tags                   = merge(var.tags, { Name = "${var.name}-balancer" })
}

locals {
  # Everything that may pass, one line each; what is not here is closed.
  inward = merge([for range in var.client_cidrs : {
    for name, listener in local.listeners : "${name}-${range}" => merge(listener, { name = name, cidr = range })
  }]...)

  # It checks by TCP what it sends by UDP.
  onward = merge([for name, listener in local.listeners : {
    for protocol in distinct(["tcp", listener.target_protocol == "UDP" ? "udp" : "tcp"]) :
    "${protocol}-${listener.target_port}" => { protocol = protocol, port = listener.target_port }
  }]...)

  # A session's media, and a client that signalling has sent to its worker.
  direct = merge([for range in var.client_cidrs : merge(
    { for protocol in ["tcp", "udp"] : "${protocol}-${range}" => { protocol = protocol, from = var.media_port, to = var.media_port, cidr = range } },
    var.media_tcp_port == null ? {} : { "media-tcp-${range}" = { protocol = "tcp", from = var.media_tcp_port, to = var.media_tcp_port, cidr = range } },
    var.relay_ports == null ? {} : { "relay-${range}" = { protocol = "udp", from = var.relay_ports.from, to = var.relay_ports.to, cidr = range } },
  )]...)
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = local.inward

  security_group_id = aws_security_group.this.id
  description       = each.value.name
  ip_protocol       = each.value.protocol == "UDP" ? "udp" : "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = each.value.cidr
  tags              = merge(var.tags, { Name = each.key })
}

resource "aws_vpc_security_group_egress_rule" "nodes" {
  for_each = local.onward

  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = var.security_group_id
  description                  = "To the nodes"
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.port
  to_port                      = each.value.port
  tags                         = merge(var.tags, { Name = each.key })
}

resource "aws_vpc_security_group_ingress_rule" "balancer" {
  for_each = local.onward

  security_group_id            = var.security_group_id
  referenced_security_group_id = aws_security_group.this.id
  description                  = "From the load balancer"
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.port
  to_port                      = each.value.port
  tags                         = merge(var.tags, { Name = each.key })
}

resource "aws_vpc_security_group_ingress_rule" "direct" {
  for_each = local.direct

  security_group_id = var.security_group_id
  description       = "From clients to their worker"
  ip_protocol       = each.value.protocol
  from_port         = each.value.from
  to_port           = each.value.to
  cidr_ipv4         = each.value.cidr
  tags              = merge(var.tags, { Name = each.key })
}

# A relay sends to the address that a worker advertises, which is a node's public one.
resource "aws_vpc_security_group_egress_rule" "relay" {
  for_each = var.relay_ports == null ? {} : { this = var.relay_ports }

  security_group_id = var.security_group_id
  description       = "Relayed media"
  ip_protocol       = "udp"
  from_port         = var.media_port
  to_port           = var.media_port
  cidr_ipv4         = "0.0.0.0/0"
  tags              = merge(var.tags, { Name = "relay" })
}
