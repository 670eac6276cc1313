# The real provider, offline: its own checks run, and policies are the ones that it writes.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  name        = "antiphase-test"
  kms_key_arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  replicas    = { eu-west-1 = "arn:aws:kms:eu-west-1:000000000000:key/1" }
}

run "plans" {
  command = plan

  assert {
    condition = alltrue([for table in aws_dynamodb_table.this : alltrue([
      table.billing_mode == "PAY_PER_REQUEST", table.deletion_protection_enabled, table.stream_enabled,
      table.ttl[0].enabled, table.point_in_time_recovery[0].enabled, table.server_side_encryption[0].kms_key_arn == var.kms_key_arn,
    ])])
    error_message = "Tables must be on demand, protected, streamed, recoverable and encrypted with our key."
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : [for replica in table.replica : replica.region_name] == ["eu-west-1"]])
    error_message = "Each table must have its replica."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.throttled) == 8
    error_message = "Reads and writes of both tables and both indexes must be watched."
  }
}
