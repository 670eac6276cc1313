locals {
  models = merge(var.variants, var.shadow == null ? {} : { shadow = merge(var.shadow, { weight = 1 }) })

  # Models and configurations can't be changed, so a change is a new one under a new name, made
  # before the old one goes.
  marks = { for variant, model in local.models : variant => substr(sha256(jsonencode([model.image, model.model_data_url])), 0, 8) }
  mark  = substr(sha256(jsonencode([local.models, local.marks, var.shadow == null])), 0, 8)
}

resource "aws_sagemaker_model" "this" {
  for_each = local.models

  name                     = "${var.name}-${each.key}-${local.marks[each.key]}"
  execution_role_arn       = aws_iam_role.this.arn
  enable_network_isolation = true
  tags                     = merge(var.tags, { Name = "${var.name}-${each.key}" })

  primary_container {
    image          = each.value.image
    model_data_url = each.value.model_data_url
  }

  vpc_config {
    subnets            = values(var.subnets)
    security_group_ids = var.security_group_ids
  }

  lifecycle {
    create_before_destroy = true
  }

  # The platform reads image and model with this role.
  depends_on = [aws_iam_role_policy.this]
}

resource "aws_sagemaker_endpoint_configuration" "this" {
  name        = "${var.name}-${local.mark}"
  kms_key_arn = var.kms_key_arn
  tags        = var.tags

  dynamic "production_variants" {
    for_each = var.variants

    content {
      variant_name           = production_variants.key
      model_name             = aws_sagemaker_model.this[production_variants.key].name
      instance_type          = production_variants.value.instance_type
      initial_instance_count = production_variants.value.instances
      initial_variant_weight = production_variants.value.weight
    }
  }

  dynamic "shadow_production_variants" {
    for_each = var.shadow == null ? {} : { shadow = var.shadow }

    content {
      variant_name           = shadow_production_variants.key
      model_name             = aws_sagemaker_model.this[shadow_production_variants.key].name
      instance_type          = shadow_production_variants.value.instance_type
      initial_instance_count = shadow_production_variants.value.instances
      initial_variant_weight = 1
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_sagemaker_endpoint" "this" {
  name                 = var.name
  endpoint_config_name = aws_sagemaker_endpoint_configuration.this.name
  tags                 = var.tags

  # A new configuration takes the traffic for five minutes; an alarm in that time takes it back.
  deployment_config {
    blue_green_update_policy {
      termination_wait_in_seconds = 300

      traffic_routing_configuration {
        type                     = "ALL_AT_ONCE"
        wait_interval_in_seconds = 300
      }
    }

    auto_rollback_configuration {
      dynamic "alarms" {
        for_each = aws_cloudwatch_metric_alarm.this

        content {
          alarm_name = alarms.value.alarm_name
        }
      }
    }
  }
}
