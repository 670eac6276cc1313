data "aws_caller_identity" "this" {}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144:recordings stay in their region; the models are rebuilt from training
  #checkov:skip=CKV_AWS_18:the bucket of logs itself writes none
  #checkov:skip=CKV_AWS_145:AWS services can't deliver access logs into a bucket with a key of ours
  #checkov:skip=CKV_AWS_21:versions of logs and of what can be computed again only cost
  #checkov:skip=CKV2_AWS_62:events go through EventBridge where somebody listens
  bucket        = var.bucket
  force_destroy = !var.deletion_protection
  tags          = merge(var.tags, { Name = var.bucket })
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = var.key != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.key == null ? "AES256" : "aws:kms"
      kms_master_key_id = try(var.key.arn, null)
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = var.versioned ? "Enabled" : "Suspended"
  }
}

resource "aws_s3_bucket_cors_configuration" "this" {
  for_each = toset(length(var.cors_origins) > 0 ? ["this"] : [])

  bucket = aws_s3_bucket.this.id

  cors_rule {
    id              = "browser"
    allowed_origins = var.cors_origins
    allowed_methods = ["GET", "HEAD", "POST", "PUT"]
    allowed_headers = ["content-type", "content-md5", "x-amz-*"]
    expose_headers  = ["ETag"]
    max_age_seconds = 3600
  }
}

resource "aws_s3_bucket_logging" "this" {
  for_each = toset(var.access_log == null ? [] : ["this"])

  bucket        = aws_s3_bucket.this.id
  target_bucket = var.access_log.bucket
  target_prefix = "s3/${var.bucket}/"
}

resource "aws_s3_bucket_notification" "this" {
  for_each = toset(var.events ? ["this"] : [])

  bucket      = aws_s3_bucket.this.id
  eventbridge = true
}
