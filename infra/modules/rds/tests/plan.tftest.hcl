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
}

run "plans" {
  command = plan

  assert {
    condition = alltrue([
      aws_db_instance.this.storage_encrypted,
      aws_db_instance.this.kms_key_id == var.kms_key_arn,
      aws_db_instance.this.performance_insights_kms_key_id == var.kms_key_arn,
      { for p in aws_db_parameter_group.this.parameter : p.name => p.value }["rds.force_ssl"] == "1",
    ])
    error_message = "History must be encrypted at rest with our key, and on the wire."
  }

  assert {
    condition     = aws_db_instance.this.multi_az && !aws_db_instance.this.publicly_accessible
    error_message = "The database must survive a zone and be closed to the internet."
  }

  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "The password must be RDS's own secret and never pass through the state."
  }

  assert {
    condition = (
      aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot &&
      aws_db_instance.this.backup_retention_period == 14
    )
    error_message = "The database must be hard to lose."
  }

  assert {
    condition = alltrue([for statement in jsondecode(data.aws_iam_policy_document.monitoring.json).Statement :
      alltrue([for action in flatten([statement.Action]) : !strcontains(action, "*")]) && alltrue([for resource in flatten([statement.Resource]) : resource != "*"])
    ])
    error_message = "Monitoring may write its own log group only."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["storage"].comparison_operator == "LessThanOrEqualToThreshold"
    error_message = "Little free storage must raise the alarm, not much."
  }
}

run "plans_one_to_throw_away" {
  command = plan

  variables {
    multi_az            = false
    deletion_protection = false
  }

  assert {
    condition     = aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.final_snapshot_identifier == null
    error_message = "An unprotected database must be deletable without traces."
  }
}
