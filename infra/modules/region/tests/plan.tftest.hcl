# The real provider, without an account: its own checks of the plan, and the policies as they are.
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
  name              = "antiphase-test"
  image             = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  config_secret_arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:antiphase-test-edge-000000"
  kms_key_arn       = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  log_kms_key_arn   = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
}

run "plans_at_its_smallest" {
  command = plan

  assert {
    condition     = [for statement in jsondecode(data.aws_iam_policy_document.function.json).Statement : statement.Sid if statement.Resource == "*"] == ["SendTraces"]
    error_message = "every right but tracing, which has no resources, names its resource"
  }

  assert {
    condition     = alltrue(flatten([for statement in jsondecode(data.aws_iam_policy_document.function.json).Statement : [for action in flatten([statement.Action]) : !strcontains(action, "*")]]))
    error_message = "actions are named one by one"
  }

  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "Active" && aws_lambda_function.this.reserved_concurrent_executions == 100
    error_message = "calls are traced and capped"
  }

  assert {
    condition     = join(",", sort([for route in aws_apigatewayv2_route.this : route.route_key])) == "OPTIONS /anc-process,POST /anc-process"
    error_message = "nothing else is routed"
  }

  assert {
    condition     = aws_apigatewayv2_stage.this.default_route_settings[0].throttling_rate_limit == 500 && !strcontains(aws_apigatewayv2_stage.this.access_log_settings[0].format, "query")
    error_message = "the API is throttled, and its log holds no query"
  }

  assert {
    condition     = length(aws_lambda_provisioned_concurrency_config.live) + length(aws_apigatewayv2_domain_name.this) + length(aws_route53_record.this) == 0
    error_message = "what is not asked for is not paid for"
  }
}

run "plans_in_our_network" {
  command = plan

  variables {
    warm_instances = 2
    network        = { subnet_ids = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"], security_group_ids = ["sg-0123456789abcdef0"] }
    states         = { endpoint = "states.example.org", user = "service", group = "antiphase-test", connect_policy = "{}" }
    domain = {
      name            = "api.example.org"
      certificate_arn = "arn:aws:acm:us-east-1:000000000000:certificate/1"
      zone_id         = "Z0123456789"
    }
  }

  assert {
    condition     = aws_lambda_function.this.environment[0].variables["ANTIPHASE_STATES"] == "elasticache://service@states.example.org:6379/antiphase-test?region=us-east-1"
    error_message = "the states are found by IAM, without a password"
  }

  assert {
    condition     = aws_apigatewayv2_api.this.disable_execute_api_endpoint && length(aws_route53_record.this) == 2
    error_message = "with a name of our own the API has no other"
  }

  assert {
    condition = alltrue([for statement in jsondecode(data.aws_iam_policy_document.function.json).Statement :
      length(setsubtract(statement.Resource, ["arn:aws:ec2:us-east-1:000000000000:network-interface/*", "arn:aws:ec2:us-east-1:000000000000:subnet/subnet-0123456789abcdef0", "arn:aws:ec2:us-east-1:000000000000:subnet/subnet-0123456789abcdef1", "arn:aws:ec2:us-east-1:000000000000:security-group/sg-0123456789abcdef0"])) == 0
    if statement.Sid == "LayInterfaces"])
    error_message = "interfaces are laid into the named subnets only"
  }
}
