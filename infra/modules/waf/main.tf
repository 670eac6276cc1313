data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  region    = data.aws_region.this.name

  # Where blocks of samples go. The comparison is exact: another spelling is another path, and gets
  # the strict rules.
  block_path = "/anc-process"

  # Managed groups lie between: rates are counted before they block, labels are read after they label.
  priority = { countries = 0, rate_blocks = 10, rate_elsewhere = 11, labels = 200 }

  # Matches in bodies that /anc-process is excluded from: counted in their group, which leaves a
  # label, and blocked by the label on every other path.
  body_rules = merge([for group in values(var.managed_groups) : group.body_rules]...)
  body_order = sort(keys(local.body_rules))
}

resource "aws_wafv2_web_acl" "this" {
  #checkov:skip=CKV_AWS_192:known-bad-inputs carries that rule; the check can't read groups that come from a variable
  name        = var.name
  description = "Rates, countries and managed rules; blocks of samples have a rate and body rules of their own"
  scope       = var.scope
  tags        = merge(var.tags, { Name = var.name })

  default_action {
    allow {}
  }

  visibility_config {
    metric_name                = var.name
    cloudwatch_metrics_enabled = true
    sampled_requests_enabled   = true
  }

  dynamic "rule" {
    for_each = length(var.blocked_countries) > 0 ? [sort(var.blocked_countries)] : []

    content {
      name     = "countries"
      priority = local.priority.countries

      action {
        block {}
      }

      statement {
        geo_match_statement {
          country_codes = rule.value
        }
      }

      visibility_config {
        metric_name                = "countries"
        cloudwatch_metrics_enabled = true
        sampled_requests_enabled   = true
      }
    }
  }

  rule {
    name     = "rate-blocks"
    priority = local.priority.rate_blocks

    action {
      block {
        custom_response {
          response_code = 429
        }
      }
    }

    statement {
      rate_based_statement {
        limit                 = var.block_limit
        evaluation_window_sec = 300
        aggregate_key_type    = "IP"

        scope_down_statement {
          byte_match_statement {
            search_string         = local.block_path
            positional_constraint = "EXACTLY"

            field_to_match {
              uri_path {}
            }

            text_transformation {
              priority = 0
              type     = "NONE"
            }
          }
        }
      }
    }

    visibility_config {
      metric_name                = "rate-blocks"
      cloudwatch_metrics_enabled = true
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "rate-elsewhere"
    priority = local.priority.rate_elsewhere

    action {
      block {
        custom_response {
          response_code = 429
        }
      }
    }

    statement {
      rate_based_statement {
        limit                 = var.rate_limit
        evaluation_window_sec = 300
        aggregate_key_type    = "IP"

        scope_down_statement {
          not_statement {
            statement {
              byte_match_statement {
                search_string         = local.block_path
                positional_constraint = "EXACTLY"

                field_to_match {
                  uri_path {}
                }

                text_transformation {
                  priority = 0
                  type     = "NONE"
                }
              }
            }
          }
        }
      }
    }

    visibility_config {
      metric_name                = "rate-elsewhere"
      cloudwatch_metrics_enabled = true
      sampled_requests_enabled   = true
    }
  }

  dynamic "rule" {
    for_each = var.managed_groups

    content {
      name     = rule.key
      priority = rule.value.priority

      override_action {
        dynamic "none" {
          for_each = rule.value.override_action == "none" ? ["none"] : []
          content {}
        }

        dynamic "count" {
          for_each = rule.value.override_action == "count" ? ["count"] : []
          content {}
        }
      }

      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.value.group
          version     = rule.value.version

          dynamic "rule_action_override" {
            for_each = rule.value.body_rules

            content {
              name = rule_action_override.key

              action_to_use {
                count {}
              }
            }
          }
        }
      }

      visibility_config {
        metric_name                = rule.key
        cloudwatch_metrics_enabled = true
        sampled_requests_enabled   = true
      }
    }
  }

  dynamic "rule" {
    for_each = { for place, name in local.body_order : name => local.priority.labels + place }

    content {
      name     = rule.key
      priority = rule.value

      action {
        block {}
      }

      statement {
        and_statement {
          statement {
            label_match_statement {
              scope = "LABEL"
              key   = local.body_rules[rule.key]
            }
          }

          statement {
            not_statement {
              statement {
                byte_match_statement {
                  search_string         = local.block_path
                  positional_constraint = "EXACTLY"

                  field_to_match {
                    uri_path {}
                  }

                  text_transformation {
                    priority = 0
                    type     = "NONE"
                  }
                }
              }
            }
          }
        }
      }

      visibility_config {
        metric_name                = rule.key
        cloudwatch_metrics_enabled = true
        sampled_requests_enabled   = true
      }
    }
  }

  lifecycle {
    precondition {
      condition     = var.scope != "CLOUDFRONT" || local.region == "us-east-1"
      error_message = "scope CLOUDFRONT exists in us-east-1 only: pass providers = { aws = aws.us_east_1 } (here it is ${local.region})."
    }
  }
}

resource "aws_wafv2_web_acl_association" "this" {
  for_each = var.resources

  web_acl_arn  = aws_wafv2_web_acl.this.arn
  resource_arn = each.value
}
