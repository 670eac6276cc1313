mock_provider "aws" {
  source = "../../tests/mock"
}

variables {
  name              = "antiphase-test"
  vpc_id            = "vpc-1"
  public_subnets    = { us-east-1a = "subnet-1", us-east-1b = "subnet-2" }
  private_subnets   = { us-east-1a = "subnet-3", us-east-1b = "subnet-4" }
  security_group_id = "sg-1"
  kms_key_arn       = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  log_kms_key_arn   = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000001"
  certificate_arn   = "arn:aws:acm:us-east-1:000000000000:certificate/00000000-0000-0000-0000-000000000000"
  log_bucket        = "antiphase-test-logs"
  worker_names      = { domain = "media.us-east-1.live.example.org", zone_id = "Z0123456789ABCDEFGHIJ" }
  administrators    = { operator = "arn:aws:iam::000000000000:role/operator" }
  listeners         = { turn = { port = 3478, protocol = "UDP", target_port = 3478, target_protocol = "UDP" } }
}

run "applies" {
  command = apply

  assert {
    condition     = length(aws_autoscaling_attachment.this) == 3 && length(output.addresses) == 2
    error_message = "Every target group must follow the nodes, and each zone have an address."
  }
}

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    name               = "antiphase-production-apse1-b"
    public_subnets     = { us-east-1a = "subnet-1" }
    private_subnets    = { us-east-1a = "subnet-3" }
    client_cidrs       = []
    api_cidrs          = ["0.0.0.0/0"]
    administrators     = { me = "root" }
    namespace          = "Anti_Phase"
    worker_names       = { domain = "media", zone_id = "" }
    instance_types     = ["c7g.xlarge"]
    nodes              = 0
    media_port         = 443
    relay_ports        = { from = 31000, to = 31100 }
    listeners          = { turn = { port = 3478, protocol = "QUIC", target_port = 3478, target_protocol = "UDP" } }
    certificate_arn    = "secret"
    drain_seconds      = 5
    kubernetes_version = "2"
    log_days           = 42
  }

  expect_failures = [
    var.name, var.public_subnets, var.private_subnets, var.client_cidrs, var.api_cidrs,
    var.administrators, var.namespace, var.worker_names, var.instance_types, var.nodes, var.media_port,
    var.relay_ports, var.listeners, var.certificate_arn, var.drain_seconds, var.kubernetes_version,
    var.log_days,
  ]
}

run "refuses_udp_towards_tcp" {
  command = plan

  variables {
    listeners = { turn = { port = 3478, protocol = "UDP", target_port = 3478, target_protocol = "TCP" } }
  }

  expect_failures = [var.listeners]
}

run "refuses_two_listeners_on_a_port" {
  command = plan

  variables {
    signalling_port = 8443
  }

  expect_failures = [aws_lb_listener.this]
}

run "refuses_fewer_nodes_at_most" {
  command = plan

  variables {
    most_nodes = 1
  }

  expect_failures = [var.most_nodes]
}

run "refuses_media_over_tcp_at_the_port_of_signalling" {
  command = plan

  variables {
    media_tcp_port = 8443
  }

  expect_failures = [var.media_tcp_port]
}
