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

override_data {
  target = module.kms.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.registry.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.vpc.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.elasticache.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.rds.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.media.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.sagemaker["this"].data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.s3.module.raw.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.s3.module.processed.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.s3.module.models.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.s3.module.logs.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.region["this"].data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.jobs["this"].data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.observability.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

variables {
  name               = "antiphase-test"
  vpc_cidr           = "10.20.0.0/16"
  availability_zones = ["us-east-1a", "us-east-1b"]
  zone_id            = "Z0123456789ABCDEFGHIJ"
  domain             = "live.example.org"
  tables             = { connections = "antiphase-connections", sessions = "antiphase-sessions" }
  alarm_emails       = ["operator@example.org"]
  alert_rules        = "../observability/tests/alerts.yaml"

  image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

  models = {
    champion = {
      image          = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      model_data_url = "s3://antiphase-test-models-000000000000/models/1/model.tar.gz"
      weight         = 100
    }
  }
}

run "plans" {
  command = plan

  assert {
    condition     = length(module.sagemaker) == 1 && output.bucket_arns["raw"] == "arn:aws:s3:::antiphase-test-raw-000000000000"
    error_message = "The region must have its models."
  }
}
