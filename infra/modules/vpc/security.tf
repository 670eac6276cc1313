locals {
  groups = {
    lambda      = "Regional function"
    media       = "Media and signalling workers"
    rds         = "PostgreSQL"
    elasticache = "Valkey"
    endpoints   = "Interface endpoints"
  }

  # Everything that may pass, one line each; what is not here is closed. Clients reach media through
  # a load balancer whose module adds that.
  between = {
    "lambda-rds"         = { from = "lambda", to = "rds", port = 5432, why = "Measurement history" }
    "media-rds"          = { from = "media", to = "rds", port = 5432, why = "Measurement history" }
    "lambda-elasticache" = { from = "lambda", to = "elasticache", port = 6379, why = "Filter state" }
    "media-elasticache"  = { from = "media", to = "elasticache", port = 6379, why = "Filter state and messages between workers" }
    "lambda-endpoints"   = { from = "lambda", to = "endpoints", port = 443, why = "AWS services" }
    "media-endpoints"    = { from = "media", to = "endpoints", port = 443, why = "AWS services" }
  }

  # HTTPS out: image registry, AWS services without an endpoint, telemetry.
  outward = toset(["lambda", "media"])
}

resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5:the modules whose members these are attach them
  for_each = local.groups

  name                   = "${var.name}-${each.key}"
  description            = each.value
  vpc_id                 = aws_vpc.this.id
  revoke_rules_on_delete = true
  tags                   = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_vpc_security_group_ingress_rule" "between" {
  for_each = local.between

  security_group_id            = aws_security_group.this[each.value.to].id
  referenced_security_group_id = aws_security_group.this[each.value.from].id
  description                  = each.value.why
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  tags                         = merge(var.tags, { Name = each.key })
}

resource "aws_vpc_security_group_egress_rule" "between" {
  for_each = local.between

  security_group_id            = aws_security_group.this[each.value.from].id
  referenced_security_group_id = aws_security_group.this[each.value.to].id
  description                  = each.value.why
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  tags                         = merge(var.tags, { Name = each.key })
}

resource "aws_vpc_security_group_egress_rule" "https" {
  for_each = local.outward

  security_group_id = aws_security_group.this[each.key].id
  description       = "HTTPS to AWS services and the image registry"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
  tags              = merge(var.tags, { Name = "${each.key}-https" })
}
