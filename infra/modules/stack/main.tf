# All that one region needs to serve sessions by itself; the tables, which regions share, and the
# edge lie outside.
data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  account = data.aws_caller_identity.this.account_id
  region  = data.aws_region.this.name
  arn     = "arn:${data.aws_partition.this.partition}"
}

module "kms" {
  source = "../kms"

  name = var.name
  tags = var.tags
  keys = {
    data = { description = "Recordings, tables, history and models", services = ["aps.amazonaws.com", "budgets.amazonaws.com", "cloudwatch.amazonaws.com", "costalerts.amazonaws.com"] }
    logs = { description = "Logs", log_groups = true }
  }
}

module "registry" {
  source = "../registry"

  name                = var.name
  tags                = var.tags
  kms_key_arn         = module.kms.arns["data"]
  deletion_protection = var.deletion_protection
}

module "vpc" {
  source = "../vpc"

  name                = var.name
  tags                = var.tags
  cidr                = var.vpc_cidr
  availability_zones  = var.availability_zones
  nat                 = var.sizes.nat
  interface_endpoints = var.sizes.interface_endpoints
  log_kms_key_arn     = module.kms.arns["logs"]
  log_days            = var.log_days
}

module "s3" {
  source = "../s3"

  name                = var.name
  tags                = var.tags
  suffix              = local.account
  kms_key_arn         = module.kms.arns["data"]
  cors_origins        = var.origins
  log_days            = var.log_days
  deletion_protection = var.deletion_protection
}

module "elasticache" {
  source = "../elasticache"

  name                = var.name
  tags                = var.tags
  subnets             = module.vpc.private_subnets
  security_group_ids  = [module.vpc.security_groups["elasticache"]]
  kms_key_arn         = module.kms.arns["data"]
  log_kms_key_arn     = module.kms.arns["logs"]
  log_days            = var.log_days
  node_type           = var.sizes.cache_node_type
  replicas            = var.sizes.cache_replicas
  deletion_protection = var.deletion_protection
  alarm_topics        = [module.observability.topic_arn]
}

module "rds" {
  source = "../rds"

  name                = var.name
  tags                = var.tags
  subnets             = module.vpc.private_subnets
  security_group_ids  = [module.vpc.security_groups["rds"]]
  kms_key_arn         = module.kms.arns["data"]
  log_kms_key_arn     = module.kms.arns["logs"]
  log_days            = var.log_days
  instance_class      = var.sizes.database_class
  multi_az            = var.sizes.database_standby
  backup_days         = var.sizes.backup_days
  deletion_protection = var.deletion_protection
  alarm_topics        = [module.observability.topic_arn]
}

module "certificate" {
  source = "../certificate"

  tags    = var.tags
  zone_id = var.zone_id
  domains = concat([var.domain, "${local.region}.${var.domain}"], var.image == null ? [] : ["api.${var.domain}"])
}

module "media" {
  source = "../media"

  name                = var.name
  tags                = var.tags
  vpc_id              = module.vpc.id
  public_subnets      = module.vpc.public_subnets
  private_subnets     = module.vpc.private_subnets
  security_group_id   = module.vpc.security_groups["media"]
  kms_key_arn         = module.kms.arns["data"]
  log_kms_key_arn     = module.kms.arns["logs"]
  log_days            = var.log_days
  certificate_arn     = module.certificate.arn
  log_bucket          = module.s3.buckets["logs"]
  api_cidrs           = var.api_cidrs
  administrators      = var.administrators
  worker_names        = { domain = "media.${local.region}.${var.domain}", zone_id = var.zone_id }
  addons              = var.addons
  instance_types      = var.sizes.media_instance_types
  spot                = var.sizes.media_spot
  nodes               = var.sizes.media_nodes
  most_nodes          = var.sizes.media_most_nodes
  media_tcp_port      = var.media_tcp_port
  deletion_protection = var.deletion_protection
  alarm_topics        = [module.observability.topic_arn]
  listeners           = { turn = { port = 3478, protocol = "UDP", target_port = 3478, target_protocol = "UDP" } }

  service_policies = merge(
    { data = data.aws_iam_policy_document.data.json, states = module.elasticache.connect_policy },
    { for one in module.sagemaker : "models" => one.invoke_policy },
    { for one in module.sagemaker : "rollout" => one.rollout_policy },
  )
}

module "sagemaker" {
  source   = "../sagemaker"
  for_each = toset(length(var.models) > 0 ? ["this"] : [])

  name               = var.name
  tags               = var.tags
  subnets            = module.vpc.private_subnets
  security_group_ids = [module.vpc.security_groups["lambda"]]
  kms_key_arn        = module.kms.arns["data"]
  log_kms_key_arn    = module.kms.arns["logs"]
  log_days           = var.log_days
  models_bucket_arn  = module.s3.arns["models"]
  variants           = var.models
  shadow             = var.shadow_model
  alarm_topics       = [module.observability.topic_arn]
}

# Blocks over HTTP: what the edge hands over. The name is the same in all regions.
module "region" {
  source   = "../region"
  for_each = toset(var.image == null ? [] : ["this"])

  name              = var.name
  tags              = var.tags
  image             = var.image
  config_secret_arn = module.registry.edge_secret_arn
  kms_key_arn       = module.kms.arns["data"]
  log_kms_key_arn   = module.kms.arns["logs"]
  log_days          = var.log_days
  domain            = { name = "api.${var.domain}", certificate_arn = module.certificate.arn, zone_id = var.zone_id }
  network           = { subnet_ids = values(module.vpc.private_subnets), security_group_ids = [module.vpc.security_groups["lambda"]] }
  alarm_topics      = [module.observability.topic_arn]

  states = {
    endpoint       = module.elasticache.endpoint
    port           = module.elasticache.port
    user           = module.elasticache.user
    group          = module.elasticache.group
    connect_policy = module.elasticache.connect_policy
  }
}

module "jobs" {
  source   = "../jobs"
  for_each = toset(var.image == null ? [] : ["this"])

  name            = var.name
  tags            = var.tags
  image           = var.image
  log_kms_key_arn = module.kms.arns["logs"]
  log_days        = var.log_days
}

module "observability" {
  source = "../observability"

  name              = var.name
  tags              = var.tags
  topic_kms_key_arn = module.kms.arns["data"]
  log_kms_key_arn   = module.kms.arns["logs"]
  log_days          = var.log_days
  mail_addresses    = var.alarm_emails
  alert_rules       = var.alert_rules
  tables            = toset(values(var.tables))
  load_balancer     = { name = module.media.arn_suffix }
  function_name     = one([for api in module.region : api.function_name])

  cluster = {
    arn                = "${local.arn}:eks:${local.region}:${local.account}:cluster/${module.media.cluster}"
    subnet_ids         = values(module.vpc.private_subnets)
    security_group_ids = [module.vpc.security_groups["media"]]
  }
}
