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

run "refuses_a_name_too_long_for_target_groups" {
  command = plan

  variables {
    name = "antiphase-production-apse1-b"
  }

  expect_failures = [var.name]
}

run "refuses_one_zone" {
  command = plan

  variables {
    public_subnets = { us-east-1a = "subnet-1" }
  }

  expect_failures = [var.public_subnets]
}

run "refuses_nodes_in_one_zone" {
  command = plan

  variables {
    private_subnets = { us-east-1a = "subnet-3" }
  }

  expect_failures = [var.private_subnets]
}

run "refuses_no_clients" {
  command = plan

  variables {
    client_cidrs = []
  }

  expect_failures = [var.client_cidrs]
}

run "refuses_an_api_open_to_all" {
  command = plan

  variables {
    api_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.api_cidrs]
}

run "refuses_an_administrator_that_is_none" {
  command = plan

  variables {
    administrators = { me = "root" }
  }

  expect_failures = [var.administrators]
}

run "refuses_an_odd_namespace" {
  command = plan

  variables {
    namespace = "Anti_Phase"
  }

  expect_failures = [var.namespace]
}

run "refuses_arm_nodes" {
  command = plan

  variables {
    instance_types = ["c7g.xlarge"]
  }

  expect_failures = [var.instance_types]
}

run "refuses_no_nodes" {
  command = plan

  variables {
    nodes = 0
  }

  expect_failures = [var.nodes]
}

run "refuses_fewer_nodes_at_most" {
  command = plan

  variables {
    most_nodes = 1
  }

  expect_failures = [var.most_nodes]
}

run "refuses_a_privileged_media_port" {
  command = plan

  variables {
    media_port = 443
  }

  expect_failures = [var.media_port]
}

run "refuses_relays_among_node_ports" {
  command = plan

  variables {
    relay_ports = { from = 31000, to = 31100 }
  }

  expect_failures = [var.relay_ports]
}

run "refuses_udp_towards_tcp" {
  command = plan

  variables {
    listeners = { turn = { port = 3478, protocol = "UDP", target_port = 3478, target_protocol = "TCP" } }
  }

  expect_failures = [var.listeners]
}

run "refuses_an_unknown_protocol" {
  command = plan

  variables {
    listeners = { turn = { port = 3478, protocol = "QUIC", target_port = 3478, target_protocol = "UDP" } }
  }

  expect_failures = [var.listeners]
}

run "refuses_a_certificate_that_is_none" {
  command = plan

  variables {
    certificate_arn = "secret"
  }

  expect_failures = [var.certificate_arn]
}

run "refuses_a_hasty_drain" {
  command = plan

  variables {
    drain_seconds = 5
  }

  expect_failures = [var.drain_seconds]
}

run "refuses_an_unknown_version" {
  command = plan

  variables {
    kubernetes_version = "2"
  }

  expect_failures = [var.kubernetes_version]
}

run "refuses_odd_retention" {
  command = plan

  variables {
    log_days = 42
  }

  expect_failures = [var.log_days]
}

run "refuses_two_listeners_on_a_port" {
  command = plan

  variables {
    signalling_port = 8443
  }

  expect_failures = [aws_lb_listener.this]
}
