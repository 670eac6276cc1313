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
      aws_elasticache_replication_group.this.transit_encryption_mode == "required",
      tobool(aws_elasticache_replication_group.this.at_rest_encryption_enabled),
      aws_elasticache_replication_group.this.kms_key_id == var.kms_key_arn,
    ])
    error_message = "States must be encrypted on the wire and at rest, with our key."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.multi_az_enabled && aws_elasticache_replication_group.this.automatic_failover_enabled
    error_message = "With a replica the group must survive the loss of a zone."
  }

  assert {
    condition = (
      aws_elasticache_user.service.authentication_mode[0].type == "iam" &&
      startswith(aws_elasticache_user.service.access_string, "on ~antiphase:* resetchannels -@all +")
    )
    error_message = "The service must be known by IAM and reach its own keys only."
  }

  assert {
    condition = jsondecode(output.connect_policy).Statement[0] == {
      Sid    = "ConnectAsTheService"
      Effect = "Allow"
      Action = "elasticache:Connect"
      Resource = [
        "arn:aws:elasticache:us-east-1:000000000000:user:antiphase-test",
        "arn:aws:elasticache:us-east-1:000000000000:replicationgroup:antiphase-test",
      ]
    }
    error_message = "The policy must allow one action on this group and user only."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 8
    error_message = "Each of the two nodes must have its four alarms."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.final_snapshot_identifier == "antiphase-test-final"
    error_message = "A protected group must leave a snapshot behind."
  }
}

run "plans_a_single_node" {
  command = plan

  variables {
    replicas            = 0
    deletion_protection = false
  }

  assert {
    condition = !(
      aws_elasticache_replication_group.this.multi_az_enabled || aws_elasticache_replication_group.this.automatic_failover_enabled
    )
    error_message = "One node can't fail over: AWS refuses the switch."
  }
}
