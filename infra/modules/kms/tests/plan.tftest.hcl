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
  name = "antiphase-test"
  keys = { data = { description = "Data", services = ["logging.s3.amazonaws.com"] } }
}

run "plans" {
  command = plan

  variables {
    keys = {
      data = { description = "Data", services = ["logging.s3.amazonaws.com"] }
      logs = { description = "Logs", log_groups = true }
    }
  }

  assert {
    condition     = alltrue([for key in aws_kms_key.this : key.enable_key_rotation && key.deletion_window_in_days == 30])
    error_message = "Keys must rotate and wait before they go."
  }

  assert {
    condition = alltrue([for document in data.aws_iam_policy_document.this : alltrue([
      for s in jsondecode(document.json).Statement : alltrue([for a in flatten([s.Action]) : !strcontains(a, "*")])
    ])])
    error_message = "Each action of a key policy must be named."
  }

  assert {
    condition = [for s in jsondecode(data.aws_iam_policy_document.this["logs"].json).Statement :
      s.Condition.ArnLike["kms:EncryptionContext:aws:logs:arn"] if s.Sid == "LogGroupsOfThisProductUseIt"
    ] == ["arn:aws:logs:us-east-1:000000000000:log-group:*antiphase-test*"]
    error_message = "Only this product's log groups may use the key of the logs."
  }
}
