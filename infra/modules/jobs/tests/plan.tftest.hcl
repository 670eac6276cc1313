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
  name            = "antiphase-test"
  image           = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/service@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  log_kms_key_arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000001"
}

run "plans" {
  command = plan

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem
    error_message = "A job must not write into its image."
  }

  assert {
    condition     = [for s in jsondecode(data.aws_iam_policy_document.execution.json).Statement : s.Resource if s.Sid == "PullTheImage"] == ["arn:aws:ecr:us-east-1:000000000000:repository/antiphase/service"]
    error_message = "A job may pull its own image only."
  }

  assert {
    condition     = length(aws_iam_role_policy.task) == 0
    error_message = "A job may do nothing in AWS unless it is told so."
  }
}

run "plans_the_largest" {
  command = plan

  variables {
    cpu    = 16384
    memory = 122880
  }

  assert {
    condition     = aws_ecs_task_definition.this.memory == "122880"
    error_message = "Fargate's largest size must be taken."
  }
}
