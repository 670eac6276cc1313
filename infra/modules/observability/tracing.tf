# What X-Ray keeps: a few requests a second of each kind whole, then a share; blocks are many and alike.
resource "aws_xray_sampling_rule" "this" {
  for_each = var.sampling

  rule_name      = substr("${var.name}-${each.key}", 0, 32)
  priority       = each.value.priority
  version        = 1
  service_name   = "*"
  service_type   = "*"
  resource_arn   = "*"
  host           = "*"
  http_method    = each.value.method
  url_path       = each.value.path
  reservoir_size = each.value.each_second
  fixed_rate     = each.value.share
  tags           = var.tags
}

resource "aws_xray_group" "this" {
  for_each = var.slow_s == null ? {} : { failing = "fault = true", slow = "responsetime > ${coalesce(var.slow_s, 0)}" }

  group_name        = substr("${var.name}-${each.key}", 0, 32)
  filter_expression = each.value
  tags              = var.tags

  insights_configuration {
    insights_enabled      = true
    notifications_enabled = false
  }
}
