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
  name        = "antiphase-test"
  kms_key_arn = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
}

run "plans" {
  command = plan

  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push && !aws_ecr_repository.this.force_delete
    error_message = "A tag must stay where it is, each image be scanned, and a full repository refuse to go."
  }

  assert {
    condition     = [for by in aws_ecr_repository.this.encryption_configuration : [by.encryption_type, by.kms_key]] == [["KMS", var.kms_key_arn]] && aws_secretsmanager_secret.edge.kms_key_id == var.kms_key_arn
    error_message = "Images and keys must be encrypted with our key."
  }

  assert {
    condition     = [for rule in jsondecode(aws_ecr_lifecycle_policy.this.policy).rules : [rule.selection.tagStatus, rule.selection.countNumber, rule.action.type]] == [["untagged", 14, "expire"], ["tagged", 30, "expire"]]
    error_message = "Broken pushes must end, and so must what is older than the newest images."
  }

  assert {
    condition     = [for s in jsondecode(data.aws_iam_policy_document.pull.json).Statement : [s.Principal.Service, s.Condition.ArnLike["aws:SourceArn"]]] == [["lambda.amazonaws.com", "arn:aws:lambda:us-east-1:000000000000:function:antiphase-test-*"]]
    error_message = "Only functions of this product may pull through the repository's policy."
  }

  assert {
    condition     = aws_secretsmanager_secret.edge.recovery_window_in_days == 30
    error_message = "A deleted secret must be there to be had back."
  }
}

run "plans_to_be_thrown_away" {
  command = plan

  variables {
    deletion_protection = false
  }

  assert {
    condition     = aws_ecr_repository.this.force_delete && aws_secretsmanager_secret.edge.recovery_window_in_days == 0
    error_message = "Without protection a destroy must leave nothing."
  }
}
