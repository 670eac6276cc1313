# Budgets and anomalies belong to the account, not to a region: one module call for each account.
resource "aws_budgets_budget" "this" {
  name         = var.name
  budget_type  = "COST"
  limit_amount = format("%.2f", var.monthly_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"
  tags         = var.tags

  dynamic "cost_filter" {
    for_each = var.tag == null ? [] : [var.tag]

    content {
      name   = "TagKeyValue"
      values = [format("user:%s$%s", cost_filter.value.key, cost_filter.value.value)]
    }
  }

  dynamic "notification" {
    for_each = { for percent in var.actual_percents : percent => "ACTUAL" }

    content {
      notification_type          = notification.value
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.key
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = var.mail_addresses
      subscriber_sns_topic_arns  = var.topics
    }
  }

  dynamic "notification" {
    for_each = { for percent in var.forecast_percents : percent => "FORECASTED" }

    content {
      notification_type          = notification.value
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.key
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = var.mail_addresses
      subscriber_sns_topic_arns  = var.topics
    }
  }

  lifecycle {
    precondition {
      condition     = length(var.mail_addresses) + length(var.topics) > 0
      error_message = "A budget that tells nobody is none: set mail_addresses or topics."
    }
  }
}

# A budget sees a slow rise; a service whose cost jumps shows here within a day.
resource "aws_ce_anomaly_monitor" "this" {
  for_each = var.anomaly_usd == null ? {} : { this = var.anomaly_usd }

  name              = var.name
  monitor_type      = "DIMENSIONAL"
  monitor_dimension = "SERVICE"
  tags              = var.tags
}

locals {
  # Mails come once a day, a topic is told at once: Cost Explorer wants a subscription for each kind.
  subscriptions = var.anomaly_usd == null ? {} : merge(
    length(var.mail_addresses) > 0 ? { mail = { frequency = "DAILY", type = "EMAIL", to = var.mail_addresses } } : {},
    length(var.topics) > 0 ? { topic = { frequency = "IMMEDIATE", type = "SNS", to = var.topics } } : {},
  )
}

resource "aws_ce_anomaly_subscription" "this" {
  for_each = local.subscriptions

  name             = "${var.name}-${each.key}"
  frequency        = each.value.frequency
  monitor_arn_list = [aws_ce_anomaly_monitor.this["this"].arn]
  tags             = var.tags

  dynamic "subscriber" {
    for_each = each.value.to

    content {
      type    = each.value.type
      address = subscriber.value
    }
  }

  threshold_expression {
    dimension {
      key           = "ANOMALY_TOTAL_IMPACT_ABSOLUTE"
      match_options = ["GREATER_THAN_OR_EQUAL"]
      values        = [tostring(var.anomaly_usd)]
    }
  }
}
