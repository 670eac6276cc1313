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
  name                = "antiphase-test"
  cidr                = "10.20.0.0/16"
  availability_zones  = ["us-east-1a", "us-east-1b", "us-east-1c"]
  log_kms_key_arn     = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  interface_endpoints = ["logs"]
}

run "plans" {
  command = plan

  assert {
    condition = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block } == {
      us-east-1a = "10.20.128.0/20"
      us-east-1b = "10.20.144.0/20"
      us-east-1c = "10.20.160.0/20"
    }
    error_message = "A zone's subnet must depend on its letter only."
  }

  assert {
    condition     = toset(keys(aws_nat_gateway.this)) == toset(var.availability_zones) && toset(keys(aws_route.nat)) == toset(var.availability_zones)
    error_message = "Each zone must have its own NAT and its own way there."
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.between : rule.cidr_ipv4 == null])
    error_message = "Only our own groups may reach the data stores."
  }

  assert {
    condition = alltrue([for document in data.aws_iam_policy_document.gateway : alltrue([
      for s in jsondecode(document.json).Statement : alltrue([for a in flatten([s.Action]) : !strcontains(a, "*")])
    ])])
    error_message = "Endpoints must name each action."
  }
}

run "plans_a_single_nat" {
  command = plan

  variables {
    nat = "single"
  }

  assert {
    condition     = keys(aws_nat_gateway.this) == ["us-east-1a"] && length(aws_route.nat) == 3
    error_message = "All zones must leave by the one NAT."
  }
}

run "plans_without_nat" {
  command = plan

  variables {
    nat = "none"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_route.nat) == 0
    error_message = "Without NAT no route may lead out."
  }
}
