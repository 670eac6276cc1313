# The real provider, offline: its own checks run, and policies are the ones that it writes.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

variables {
  bucket       = "antiphase-test-raw"
  key          = { arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000" }
  cors_origins = ["https://app.example.org"]
  access_log   = { bucket = "antiphase-test-logs" }
  events       = true
  archive_days = { archive = 90, deep_archive = 180 }
  transitions  = [{ days = 30, storage_class = "STANDARD_IA" }]
}

run "plans" {
  command = plan

  assert {
    condition = [for s in jsondecode(data.aws_iam_policy_document.this.json).Statement : s.Sid if s.Effect == "Deny"] == [
      "DenyPlainHttp", "DenyOldTls", "DenyOtherEncryption", "DenyOtherKeys",
    ]
    error_message = "The policy must refuse plain HTTP, old TLS and other encryption."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Earlier versions must be kept."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "Nothing may become public."
  }

  assert {
    condition     = { for tier in aws_s3_bucket_intelligent_tiering_configuration.this["this"].tiering : tier.access_tier => tier.days } == { ARCHIVE_ACCESS = 90, DEEP_ARCHIVE_ACCESS = 180 }
    error_message = "What nobody reads must be archived."
  }
}

run "plans_a_bucket_of_logs" {
  command = plan

  variables {
    key         = null
    versioned   = false
    log_writers = ["logging.s3.amazonaws.com"]
  }

  assert {
    condition = { for s in jsondecode(data.aws_iam_policy_document.this.json).Statement : s.Sid => s.Action if s.Effect == "Allow" } == {
      LogWritersLook = "s3:GetBucketAcl"
      LogWriter0     = "s3:PutObject"
    }
    error_message = "Writers of logs may write and look, no more."
  }
}
