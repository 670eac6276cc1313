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
  name               = "antiphase-test"
  subnets            = { us-east-1a = "subnet-1", us-east-1b = "subnet-2" }
  security_group_ids = ["sg-1"]
  kms_key_arn        = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  log_kms_key_arn    = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000001"
  models_bucket_arn  = "arn:aws:s3:::antiphase-test-models"

  variants = {
    champion = {
      image          = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      model_data_url = "s3://antiphase-test-models/models/1/model.tar.gz"
      weight         = 90
      most_instances = 3
    }
    challenger = {
      image          = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
      model_data_url = "s3://antiphase-test-models/models/2/model.tar.gz"
      weight         = 10
    }
  }
}

run "plans" {
  command = plan

  assert {
    condition = { for v in aws_sagemaker_endpoint_configuration.this.production_variants : v.variant_name => v.initial_variant_weight } == {
      champion   = 90
      challenger = 10
    }
    error_message = "Nine in ten requests must go to the champion."
  }

  assert {
    condition     = alltrue([for model in aws_sagemaker_model.this : model.enable_network_isolation])
    error_message = "A model must reach no network: what it needs is in its image and archive."
  }

  assert {
    condition     = keys(aws_appautoscaling_policy.this) == ["champion"] && aws_appautoscaling_target.this["champion"].max_capacity == 3
    error_message = "Only the variant that may grow is scaled."
  }

  assert {
    condition     = length(aws_sagemaker_endpoint.this.deployment_config[0].auto_rollback_configuration[0].alarms) == 4
    error_message = "Faults and late answers of either variant must take an update back."
  }

  assert {
    condition = { for s in jsondecode(data.aws_iam_policy_document.this.json).Statement : s.Sid => s.Resource if s.Sid == "PullTheImages" || s.Sid == "ReadModels" } == {
      PullTheImages = "arn:aws:ecr:us-east-1:000000000000:repository/antiphase/model"
      ReadModels    = "arn:aws:s3:::antiphase-test-models/models/*"
    }
    error_message = "The role may read its models and pull its image only."
  }

  assert {
    condition     = jsondecode(output.invoke_policy).Statement[0].Resource == "arn:aws:sagemaker:us-east-1:000000000000:endpoint/antiphase-test"
    error_message = "Who may ask this endpoint may ask no other."
  }
}

run "plans_a_shadow" {
  command = plan

  variables {
    variants = { champion = { image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", model_data_url = "s3://antiphase-test-models/models/1/model.tar.gz", weight = 100 } }
    shadow   = { image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", model_data_url = "s3://antiphase-test-models/models/2/model.tar.gz" }
  }

  assert {
    condition     = length(aws_sagemaker_endpoint_configuration.this.shadow_production_variants) == 1 && length(aws_sagemaker_model.this) == 2
    error_message = "The shadow needs a model of its own."
  }
}
