resource "aws_elasticache_subnet_group" "this" {
  name        = var.name
  description = "Private subnets of ${var.name}"
  subnet_ids  = values(var.subnets)
  tags        = var.tags
}

resource "aws_elasticache_parameter_group" "this" {
  name        = "${var.name}-valkey${local.major}"
  family      = "valkey${local.major}"
  description = "Filter states of ${var.name}"
  tags        = var.tags

  # Every state carries a time to live, so the one that ends first goes first.
  parameter {
    name  = "maxmemory-policy"
    value = "volatile-ttl"
  }

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  major = split(".", var.engine_version)[0]
  nodes = [for k in range(var.replicas + 1) : format("%s-%03d", var.name, k + 1)]
}

resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV_AWS_31:members are known by their IAM role, which is stronger than a shared word
  #checkov:skip=CKV2_AWS_50:on with the first replica; AWS refuses it for a single node
  replication_group_id = var.name
  description          = "Filter states of ${var.name}"
  engine               = "valkey"
  engine_version       = var.engine_version
  node_type            = var.node_type
  port                 = 6379
  tags                 = merge(var.tags, { Name = var.name })

  num_cache_clusters         = var.replicas + 1
  automatic_failover_enabled = var.replicas > 0
  multi_az_enabled           = var.replicas > 0

  subnet_group_name    = aws_elasticache_subnet_group.this.name
  security_group_ids   = var.security_group_ids
  parameter_group_name = aws_elasticache_parameter_group.this.name

  at_rest_encryption_enabled = true
  kms_key_id                 = var.kms_key_arn
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  user_group_ids             = [aws_elasticache_user_group.this.user_group_id]

  auto_minor_version_upgrade = true
  apply_immediately          = false
  maintenance_window         = "sun:04:30-sun:05:30"
  snapshot_window            = "02:30-03:30"
  snapshot_retention_limit   = var.snapshot_days
  final_snapshot_identifier  = var.deletion_protection ? "${var.name}-final" : null

  dynamic "log_delivery_configuration" {
    for_each = aws_cloudwatch_log_group.this

    content {
      destination      = log_delivery_configuration.value.name
      destination_type = "cloudwatch-logs"
      log_format       = "json"
      log_type         = log_delivery_configuration.key
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:how long logs are kept is the environment's choice; a year of them serves nobody
  for_each = toset(["engine-log", "slow-log"])

  name              = "/${var.name}/elasticache/${each.key}"
  retention_in_days = var.log_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}
