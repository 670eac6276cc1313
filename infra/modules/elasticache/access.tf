data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  # What antiphase.storage.redis_states sends, on its own keys only: change both together.
  commands = ["del", "get", "hello", "ping", "scan", "select", "set"]
  access   = "on ~antiphase:* resetchannels -@all ${join(" ", [for command in local.commands : "+${command}"])}"

  prefix = "arn:${data.aws_partition.this.partition}:elasticache:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"
}

# IAM knows who connects: no password exists that could be read from the state or must be rotated.
resource "aws_elasticache_user" "service" {
  user_id       = var.name
  user_name     = var.name
  engine        = "valkey"
  access_string = local.access
  tags          = var.tags

  authentication_mode {
    type = "iam"
  }
}

resource "aws_elasticache_user_group" "this" {
  user_group_id = var.name
  engine        = "valkey"
  user_ids      = [aws_elasticache_user.service.user_id]
  tags          = var.tags
}

data "aws_iam_policy_document" "connect" {
  statement {
    sid     = "ConnectAsTheService"
    actions = ["elasticache:Connect"]

    resources = [
      "${local.prefix}:replicationgroup:${var.name}",
      "${local.prefix}:user:${var.name}",
    ]
  }
}
