locals {
  # Worker k listens on its own port, UDP for media and TCP for signalling, on whatever node it is.
  workers = { for k in range(var.workers) : "worker-${k}" => var.media_port + k }

  listeners = merge(
    # Any worker that is ready: it serves the session or says which worker does.
    { signalling = { port = var.signalling_port, protocol = "TLS", target_port = var.node_port, target_protocol = "TLS" } },
    # A room lives on one worker, so each worker has listeners of its own. Of a group's nodes only
    # the one on which the worker runs passes the check.
    { for worker, port in local.workers : "${worker}-media" => { port = port, protocol = "UDP", target_port = port, target_protocol = "UDP" } },
    { for worker, port in local.workers : "${worker}-signalling" => { port = port + 1000, protocol = "TLS", target_port = port, target_protocol = "TLS" } },
    var.listeners,
  )
}

# Addresses that stay: clients are told them, and firewalls may list them.
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

  name                   = "${var.name}-${lower(each.value.target_protocol)}-${each.value.port}"
  vpc_id                 = var.vpc_id
  target_type            = "instance"
  port                   = each.value.target_port
  protocol               = each.value.target_protocol
  preserve_client_ip     = true
  deregistration_delay   = var.drain_seconds
  connection_termination = each.value.target_protocol == "UDP"
  tags                   = merge(var.tags, { Name = each.key })

  health_check {
    protocol            = "TCP"
    port                = "traffic-port"
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
