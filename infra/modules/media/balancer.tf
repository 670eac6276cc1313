locals {
  listeners = merge(
    {
      # Any worker that is ready: it serves the session or says which worker does.
      signalling = { port = var.signalling_port, protocol = "TLS", target_port = var.media_port, target_protocol = "TLS", check = "HTTPS" }
      # Any worker: for a single one whose clients know one fixed address. Of several each advertises
      # its own node's address, and media goes there.
      media = { port = var.media_port, protocol = "UDP", target_port = var.media_port, target_protocol = "UDP", check = "TCP" }
    },
    # The same for clients whose network lets no UDP out; it passes on bytes, encrypted by DTLS-SRTP.
    var.media_tcp_port == null ? {} : { media_tcp = { port = var.media_tcp_port, protocol = "TCP", target_port = var.media_tcp_port, target_protocol = "TCP", check = "TCP" } },
    { for name, listener in var.listeners : name => merge(listener, { check = "TCP" }) },
  )
}

# Addresses that stay, for firewalls that list them.
resource "aws_eip" "this" {
  #checkov:skip=CKV2_AWS_19:the load balancer has them
  for_each = var.public_subnets

  domain = "vpc"
  tags   = merge(var.tags, { Name = "${var.name}-media-${each.key}" })
}

resource "aws_lb" "this" {
  #checkov:skip=CKV_AWS_150:off where an environment is made to be thrown away; on by default
  name                             = var.name
  load_balancer_type               = "network"
  internal                         = false
  security_groups                  = [aws_security_group.this.id]
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = var.deletion_protection
  tags                             = merge(var.tags, { Name = var.name })

  dynamic "subnet_mapping" {
    for_each = var.public_subnets

    content {
      subnet_id     = subnet_mapping.value
      allocation_id = aws_eip.this[subnet_mapping.key].id
    }
  }

  access_logs {
    bucket  = var.log_bucket
    prefix  = "media"
    enabled = true
  }
}

resource "aws_lb_target_group" "this" {
  for_each = local.listeners

  name                   = "${var.name}-${ { TCP = "t", TLS = "s", UDP = "u" }[each.value.target_protocol]}${each.value.port}"
  vpc_id                 = var.vpc_id
  target_type            = "instance"
  port                   = each.value.target_port
  protocol               = each.value.target_protocol
  preserve_client_ip     = true
  deregistration_delay   = var.drain_seconds
  connection_termination = each.value.target_protocol == "UDP"
  tags                   = merge(var.tags, { Name = each.key })

  health_check {
    protocol            = each.value.check
    port                = "traffic-port"
    path                = each.value.check == "HTTPS" ? "/readyz" : null
    interval            = 10
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_listener" "this" {
  #checkov:skip=CKV_AWS_2:media is encrypted end to worker by DTLS-SRTP; signalling is TLS 1.3, which the tests assert
  #checkov:skip=CKV_AWS_103:the policy is TLS 1.3 only, chosen by an expression that this check can't read
  for_each = local.listeners

  load_balancer_arn = aws_lb.this.arn
  port              = each.value.port
  protocol          = each.value.protocol
  ssl_policy        = each.value.protocol == "TLS" ? "ELBSecurityPolicy-TLS13-1-3-2021-06" : null
  certificate_arn   = each.value.protocol == "TLS" ? var.certificate_arn : null
  alpn_policy       = each.value.protocol == "TLS" ? "HTTP1Only" : null
  tags              = merge(var.tags, { Name = each.key })

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[each.key].arn
  }

  lifecycle {
    precondition {
      condition     = length(distinct([for listener in local.listeners : listener.port])) == length(local.listeners)
      error_message = "Two listeners share a port: the load balancer refuses that even for TLS beside UDP. Move listeners, signalling_port or media_port."
    }
  }
}

# Every node of the group, those that scaling adds too.
resource "aws_autoscaling_attachment" "this" {
  #checkov:skip=CKV2_AWS_15:a node without the worker fails that worker's check and must not be replaced for it
  for_each = local.listeners

  autoscaling_group_name = aws_eks_node_group.this.resources[0].autoscaling_groups[0].name
  lb_target_group_arn    = aws_lb_target_group.this[each.key].arn
}
