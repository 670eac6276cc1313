locals {
  # What the service's stores read and write (antiphase.storage): change both together.
  tables = {
    connections = {
      hash_key   = "connection_id"
      attributes = { connection_id = "S", session_id = "S", joined_at = "N" }
      indexes    = { by_session = { hash_key = "session_id", range_key = "joined_at" } }
    }
    sessions = {
      hash_key   = "session_id"
      attributes = { session_id = "S", worker = "S", created_at = "N" }
      indexes    = { by_worker = { hash_key = "worker", range_key = "created_at" } }
    }
  }
}

resource "aws_dynamodb_table" "this" {
  for_each = local.tables

  name                        = "${var.name}-${each.key}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = each.value.hash_key
  deletion_protection_enabled = var.deletion_protection
  stream_enabled              = true
  stream_view_type            = "NEW_AND_OLD_IMAGES"
  tags                        = merge(var.tags, { Name = "${var.name}-${each.key}" })

  dynamic "attribute" {
    for_each = each.value.attributes

    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = each.value.indexes

    content {
      name            = global_secondary_index.key
      hash_key        = global_secondary_index.value.hash_key
      range_key       = global_secondary_index.value.range_key
      projection_type = "ALL"
    }
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }

  # Taking a region out deletes its replica, never the table.
  dynamic "replica" {
    for_each = var.replicas

    content {
      region_name            = replica.key
      kms_key_arn            = replica.value
      point_in_time_recovery = true
      propagate_tags         = true
    }
  }
}
