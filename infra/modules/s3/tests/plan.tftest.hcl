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
  target = module.raw.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.processed.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.models.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.logs.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

variables {
  name        = "antiphase-test"
  suffix      = "000000000000"
  kms_key_arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
}

run "plans" {
  command = plan

  assert {
    condition = output.arns == {
      raw       = "arn:aws:s3:::antiphase-test-raw-000000000000"
      processed = "arn:aws:s3:::antiphase-test-processed-000000000000"
      models    = "arn:aws:s3:::antiphase-test-models-000000000000"
      logs      = "arn:aws:s3:::antiphase-test-logs-000000000000"
    }
    error_message = "Policies elsewhere need the ARNs at plan."
  }
}
