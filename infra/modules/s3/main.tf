locals {
  logs = "${var.name}-logs-${var.suffix}"
}

module "raw" {
  source = "../bucket"

  bucket              = "${var.name}-raw-${var.suffix}"
  key                 = { arn = var.kms_key_arn }
  cors_origins        = var.cors_origins
  access_log          = { bucket = module.logs.bucket }
  events              = true
  deletion_protection = var.deletion_protection
  tags                = var.tags

  # Below 128 kB Intelligent-Tiering leaves objects at the frequent price; recordings are larger.
  transitions = [
    { days = 0, storage_class = "INTELLIGENT_TIERING" },
    { days = var.glacier_days, storage_class = "GLACIER" },
  ]
}

module "processed" {
  source = "../bucket"

  bucket              = "${var.name}-processed-${var.suffix}"
  key                 = { arn = var.kms_key_arn }
  versioned           = false
  cors_origins        = var.cors_origins
  expiration_days     = var.processed_days
  access_log          = { bucket = module.logs.bucket }
  deletion_protection = var.deletion_protection
  tags                = var.tags
}

module "models" {
  source = "../bucket"

  bucket                     = "${var.name}-models-${var.suffix}"
  key                        = { arn = var.kms_key_arn }
  noncurrent_expiration_days = 365
  access_log                 = { bucket = module.logs.bucket }
  deletion_protection        = var.deletion_protection
  tags                       = var.tags

  transitions  = [{ days = 0, storage_class = "INTELLIGENT_TIERING" }]
  archive_days = var.archive_models ? { archive = 90, deep_archive = 180 } : null
}

module "logs" {
  source = "../bucket"

  bucket              = local.logs
  versioned           = false
  expiration_days     = var.log_days
  log_writers         = ["logging.s3.amazonaws.com", "delivery.logs.amazonaws.com"]
  deletion_protection = var.deletion_protection
  tags                = var.tags
}
