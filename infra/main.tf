locals {
  name = "antiphase-${var.environment}"
  tags = { Project = "antiphase", Environment = var.environment }

  # One name in all regions: a global table is one table.
  tables = { for role in ["connections", "sessions"] : role => "${local.name}-${role}" }

  alert_rules = "${path.module}/../deploy/prometheus/alerts.yaml"

  # A map of one or none, so that a module comes and goes by name.
  second = { for region in slice(local.replicas, 0, min(1, length(local.replicas))) : region => region }
  third  = { for region in slice(local.replicas, min(1, length(local.replicas)), length(local.replicas)) : region => region }
}

module "home" {
  source    = "./modules/stack"
  providers = { aws = aws }

  name                = local.names[var.aws_region]
  tags                = local.tags
  vpc_cidr            = local.cidrs[var.aws_region]
  availability_zones  = local.zones[var.aws_region]
  zone_id             = var.zone_id
  domain              = var.domain
  tables              = local.tables
  origins             = var.origins
  alarm_emails        = var.alarm_emails
  api_cidrs           = var.api_cidrs
  administrators      = var.administrators
  addons              = var.addons
  log_days            = var.log_days
  models              = var.models
  image               = try(var.blocks.images[var.aws_region], null)
  media_tcp_port      = var.media_tcp_port
  alert_rules         = local.alert_rules
  shadow_model        = var.shadow_model
  sizes               = var.sizes
  deletion_protection = var.deletion_protection
}

# A replica region asks the home region's models: what they choose is not wanted within milliseconds.
module "replica_1" {
  source    = "./modules/stack"
  for_each  = local.second
  providers = { aws = aws.replica_1 }

  name                = local.names[each.key]
  tags                = local.tags
  vpc_cidr            = local.cidrs[each.key]
  availability_zones  = local.zones[each.key]
  zone_id             = var.zone_id
  domain              = var.domain
  tables              = local.tables
  origins             = var.origins
  alarm_emails        = var.alarm_emails
  api_cidrs           = var.api_cidrs
  administrators      = var.administrators
  addons              = var.addons
  log_days            = var.log_days
  models              = {}
  image               = try(var.blocks.images[each.key], null)
  media_tcp_port      = var.media_tcp_port
  alert_rules         = local.alert_rules
  shadow_model        = null
  sizes               = var.sizes
  deletion_protection = var.deletion_protection
}

module "replica_2" {
  source    = "./modules/stack"
  for_each  = local.third
  providers = { aws = aws.replica_2 }

  name                = local.names[each.key]
  tags                = local.tags
  vpc_cidr            = local.cidrs[each.key]
  availability_zones  = local.zones[each.key]
  zone_id             = var.zone_id
  domain              = var.domain
  tables              = local.tables
  origins             = var.origins
  alarm_emails        = var.alarm_emails
  api_cidrs           = var.api_cidrs
  administrators      = var.administrators
  addons              = var.addons
  log_days            = var.log_days
  models              = {}
  image               = try(var.blocks.images[each.key], null)
  media_tcp_port      = var.media_tcp_port
  alert_rules         = local.alert_rules
  shadow_model        = null
  sizes               = var.sizes
  deletion_protection = var.deletion_protection
}

locals {
  stacks = merge({ (var.aws_region) = module.home }, module.replica_1, module.replica_2)

  # Firewall and health checks report to us-east-1; for another home region their alarms are seen on
  # the console only.
  front_topics = var.aws_region == "us-east-1" ? [module.home.alarm_topic] : []
}

module "dynamodb" {
  source = "./modules/dynamodb"

  name                = local.name
  tags                = local.tags
  kms_key_arn         = module.home.kms_key_arns["data"]
  replicas            = { for region in local.replicas : region => local.stacks[region].kms_key_arns["data"] }
  deletion_protection = var.deletion_protection
  alarm_topics        = [module.home.alarm_topic]
}

# What stands in front lives in us-east-1, and needs a key there.
module "front_kms" {
  source    = "./modules/kms"
  providers = { aws = aws.us_east_1 }

  name = "${local.name}-front"
  tags = local.tags
  keys = { logs = { description = "Logs of edge and firewall", log_groups = true } }
}

module "waf" {
  source    = "./modules/waf"
  providers = { aws = aws.us_east_1 }

  name              = "${local.name}-front"
  tags              = local.tags
  scope             = "CLOUDFRONT"
  blocked_countries = var.blocked_countries
  log_bucket_arn    = module.home.bucket_arns["logs"]
  log_kms_key_arn   = module.front_kms.arns["logs"]
  log_days          = var.log_days
  alarm_topics      = local.front_topics
}

module "edge_certificate" {
  source    = "./modules/certificate"
  for_each  = toset(var.blocks == null ? [] : ["this"])
  providers = { aws = aws.us_east_1 }

  tags    = local.tags
  zone_id = var.zone_id
  domains = ["edge.${var.domain}"]
}

module "edge" {
  source    = "./modules/edge"
  for_each  = toset(var.blocks == null ? [] : ["this"])
  providers = { aws = aws.us_east_1 }

  name          = local.name
  tags          = local.tags
  package       = var.blocks.package
  origin_domain = "api.${var.domain}"
  web_acl_arn   = module.waf.arn
  domain        = { names = ["edge.${var.domain}"], certificate_arn = module.edge_certificate["this"].arn, zone_id = var.zone_id }
  access_log    = { bucket_arn = module.home.bucket_arns["logs"] }
  alarm_topics  = local.front_topics

  # The edge hands over to the region, which must be there.
  depends_on = [module.home]
}

module "budget" {
  source = "./modules/budget"

  name           = local.name
  tags           = local.tags
  monthly_usd    = var.monthly_usd
  tag            = { key = "Environment", value = var.environment }
  mail_addresses = sort(var.alarm_emails)
  topics         = [module.home.alarm_topic]
}

module "multi_region" {
  source    = "./modules/multi_region"
  providers = { aws = aws, aws.us_east_1 = aws.us_east_1 }

  name    = local.name
  tags    = local.tags
  zone_id = var.zone_id
  domain  = var.domain
  regions = { for region in local.regions : region => local.stacks[region].balancer }

  alarm_topics = local.front_topics
}
