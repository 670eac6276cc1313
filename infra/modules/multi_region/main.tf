locals {
  hosts = { for region in keys(var.regions) : region => "${region}.${var.domain}" }
}

# The region's own name: a session stays where it began, whatever the nearest region is next time.
resource "aws_route53_record" "own" {
  #checkov:skip=CKV2_AWS_23:the load balancer belongs to another module
  for_each = var.regions

  zone_id = var.zone_id
  name    = local.hosts[each.key]
  type    = "A"

  alias {
    name                   = each.value.dns_name
    zone_id                = each.value.zone_id
    evaluate_target_health = false
  }
}

resource "aws_route53_health_check" "this" {
  for_each = var.regions

  type              = "HTTPS"
  fqdn              = local.hosts[each.key]
  port              = var.port
  resource_path     = var.path
  enable_sni        = true
  request_interval  = 10
  failure_threshold = var.failures
  tags              = merge(var.tags, { Name = "${var.name}-${each.key}" })

  # Its name must lead somewhere before it is asked.
  depends_on = [aws_route53_record.own]
}

# The nearest region that answers. One that does not is left out, so its clients rejoin elsewhere.
resource "aws_route53_record" "nearest" {
  #checkov:skip=CKV2_AWS_23:the load balancer belongs to another module
  for_each = var.regions

  zone_id         = var.zone_id
  name            = var.domain
  type            = "A"
  set_identifier  = each.key
  health_check_id = aws_route53_health_check.this[each.key].id

  latency_routing_policy {
    region = each.key
  }

  alias {
    name                   = each.value.dns_name
    zone_id                = each.value.zone_id
    evaluate_target_health = true
  }
}
