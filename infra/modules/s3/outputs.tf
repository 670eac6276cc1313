output "buckets" {
  description = "Bucket name by role: raw, processed, models, logs."
  value = {
    raw       = module.raw.bucket
    processed = module.processed.bucket
    models    = module.models.bucket
    logs      = module.logs.bucket
  }
}

output "arns" {
  description = "Bucket ARN by role, known at plan."
  value = {
    raw       = module.raw.arn
    processed = module.processed.arn
    models    = module.models.arn
    logs      = module.logs.arn
  }
}
