resource "aws_s3_bucket_lifecycle_configuration" "this" {
  # The order of creation matters: rules on versions need versioning to be decided first.
  depends_on = [aws_s3_bucket_versioning.this]

  bucket = aws_s3_bucket.this.id

  rule {
    id     = "objects"
    status = "Enabled"

    filter {}

    dynamic "transition" {
      for_each = var.transitions

      content {
        days          = transition.value.days
        storage_class = transition.value.storage_class
      }
    }

    dynamic "expiration" {
      for_each = var.expiration_days == null ? [] : [var.expiration_days]

      content {
        days = expiration.value
      }
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_expiration_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_s3_bucket_intelligent_tiering_configuration" "this" {
  for_each = var.archive_days == null ? {} : { this = var.archive_days }

  bucket = aws_s3_bucket.this.id
  name   = "archive"

  tiering {
    access_tier = "ARCHIVE_ACCESS"
    days        = each.value.archive
  }

  tiering {
    access_tier = "DEEP_ARCHIVE_ACCESS"
    days        = each.value.deep_archive
  }
}
