# The real provider, offline: its own checks run, and policies are the ones that it writes.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.this
  values = { account_id = "000000000000" }
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

run "plans" {
  command = plan

  assert {
    condition = alltrue([for name, listener in aws_lb_listener.this :
      listener.ssl_policy == "ELBSecurityPolicy-TLS13-1-3-2021-06" if listener.protocol == "TLS"
    ])
    error_message = "Signalling must be TLS 1.3 only."
  }

  assert {
    condition = { for name, listener in aws_lb_listener.this : name => "${listener.protocol}:${listener.port}" } == {
      media      = "UDP:8443"
      signalling = "TLS:443"
      turn       = "UDP:3478"
    }
    error_message = "Media must be at UDP 8443 and signalling at TLS."
  }

  assert {
    condition     = aws_lb.this.enable_deletion_protection
    error_message = "Addresses that clients know must not go by accident."
  }

  assert {
    condition     = alltrue([for name, group in aws_lb_target_group.this : group.protocol == aws_lb_listener.this[name].protocol])
    error_message = "Groups must speak their listener's protocol."
  }

  assert {
    condition = alltrue([
      !aws_eks_cluster.this.vpc_config[0].endpoint_public_access,
      aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == var.kms_key_arn,
      !aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions,
      length(aws_eks_cluster.this.enabled_cluster_log_types) == 5,
    ])
    error_message = "The cluster must be closed, encrypted, administered by list and logged."
  }

  assert {
    condition = (
      aws_launch_template.this.metadata_options[0].http_tokens == "required" &&
      aws_launch_template.this.metadata_options[0].http_put_response_hop_limit == 1 &&
      tobool(aws_launch_template.this.block_device_mappings[0].ebs[0].encrypted)
    )
    error_message = "Nodes must guard their credentials and encrypt their disk."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.direct : "${rule.ip_protocol}:${rule.from_port}-${rule.to_port}"]) == toset(["tcp:8443-8443", "udp:8443-8443", "udp:49160-49360"])
    error_message = "Nodes must hear their clients on the worker's port and the relay's, nothing else."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.clients : "${rule.ip_protocol}:${rule.from_port}"]) == toset(["tcp:443", "udp:3478", "udp:8443"])
    error_message = "The load balancer must hear its listeners' ports only."
  }

  assert {
    condition     = [for s in jsondecode(data.aws_iam_policy_document.autoscaler.json).Statement : s.Condition.StringEquals["aws:ResourceTag/eks:cluster-name"] if s.Sid == "ScaleThisCluster"] == ["antiphase-test"]
    error_message = "The autoscaler may touch this cluster's nodes only."
  }

  assert {
    condition = { for s in jsondecode(data.aws_iam_policy_document.names.json).Statement : s.Sid => s.Condition if s.Sid == "NameWorkers" } == { NameWorkers = {
      "ForAllValues:StringLike"   = { "route53:ChangeResourceRecordSetsNormalizedRecordNames" = ["media.us-east-1.live.example.org", "*.media.us-east-1.live.example.org", "a-media.us-east-1.live.example.org", "aaaa-media.us-east-1.live.example.org"] }
      "ForAllValues:StringEquals" = { "route53:ChangeResourceRecordSetsRecordTypes" = ["A", "AAAA", "TXT"] }
    } }
    error_message = "external-dns may write the workers' names only."
  }
}

run "plans_media_over_tcp" {
  command = plan

  variables {
    media_tcp_port = 8444
  }

  assert {
    condition     = aws_lb_listener.this["media_tcp"].protocol == "TCP" && aws_lb_listener.this["media_tcp"].port == 8444 && aws_lb_target_group.this["media_tcp"].protocol == "TCP"
    error_message = "Media over TCP must have its listener."
  }

  assert {
    condition     = contains([for rule in aws_vpc_security_group_ingress_rule.direct : "${rule.ip_protocol}:${rule.from_port}"], "tcp:8444") && contains([for rule in aws_vpc_security_group_ingress_rule.balancer : "${rule.ip_protocol}:${rule.from_port}"], "tcp:8444") && contains([for rule in aws_vpc_security_group_ingress_rule.clients : "${rule.ip_protocol}:${rule.from_port}"], "tcp:8444")
    error_message = "It must be let in at the load balancer and at the nodes, from both."
  }
}

run "plans_one_more_zone" {
  command = plan

  variables {
    public_subnets = { us-east-1a = "subnet-1", us-east-1b = "subnet-2", us-east-1c = "subnet-5" }
    api_cidrs      = ["192.0.2.0/24"]
  }

  assert {
    condition     = length(aws_eip.this) == 3 && aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "Each zone must have an address, and the API must be open to the range that is named."
  }
}
