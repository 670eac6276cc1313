# The real provider, without an account: its own checks of the plan, and the policies as they are.
# The association of function and distribution is proved here: the local API does not keep it.
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
  name          = "antiphase-test"
  package       = "versions.tf" # stands for the zip
  origin_domain = "api.example.org"
  web_acl_arn   = "arn:aws:wafv2:us-east-1:000000000000:global/webacl/test/00000000-0000-0000-0000-000000000000"
  access_log    = { bucket_arn = "arn:aws:s3:::antiphase-test-logs-000000000000" }
  domain = {
    names           = ["edge.example.org"]
    certificate_arn = "arn:aws:acm:us-east-1:000000000000:certificate/1"
    zone_id         = "Z0123456789"
  }
}

run "plans_the_distribution" {
  command = plan

  # Unknown before an apply, and what the association is about.
  override_resource {
    target          = aws_lambda_function.this
    override_during = plan
    values          = { qualified_arn = "arn:aws:lambda:us-east-1:000000000000:function:antiphase-test-edge:1" }
  }

  assert {
    condition = [for to in aws_cloudfront_distribution.this.ordered_cache_behavior[0].lambda_function_association :
      [to.event_type, to.include_body, to.lambda_arn]
    ] == [["origin-request", true, "arn:aws:lambda:us-east-1:000000000000:function:antiphase-test-edge:1"]]
    error_message = "the numbered version stands at origin-request and sees the body"
  }

  assert {
    condition     = length(aws_cloudfront_distribution.this.default_cache_behavior[0].lambda_function_association) == 0
    error_message = "the function sees blocks only"
  }

  assert {
    condition     = contains(aws_cloudfront_distribution.this.ordered_cache_behavior[0].allowed_methods, "POST") && aws_cloudfront_distribution.this.ordered_cache_behavior[0].path_pattern == "/anc-process"
    error_message = "blocks are posted"
  }

  assert {
    condition     = alltrue([for at in concat(aws_cloudfront_distribution.this.ordered_cache_behavior, aws_cloudfront_distribution.this.default_cache_behavior) : at.viewer_protocol_policy == "https-only" && at.response_headers_policy_id == "67f7725c-6f97-4210-82d7-5512b31e9d03"])
    error_message = "no plain HTTP, and CloudFront's own security headers"
  }

  assert {
    condition     = aws_cloudfront_distribution.this.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021"
    error_message = "the strictest policy of CloudFront"
  }

  assert {
    condition     = aws_cloudfront_distribution.this.web_acl_id == var.web_acl_arn
    error_message = "the firewall stands before it"
  }

  assert {
    condition     = length(aws_cloudfront_distribution.this.origin_group) == 0
    error_message = "POST is not failed over, so nothing pretends to"
  }

  assert {
    condition     = alltrue([for origin in aws_cloudfront_distribution.this.origin : origin.custom_origin_config[0].origin_protocol_policy == "https-only"])
    error_message = "the way to the region is encrypted"
  }

  assert {
    condition     = length(jsondecode(data.aws_iam_policy_document.trust.json).Statement[0].Principal.Service) == 2
    error_message = "lambda and edgelambda may take the role"
  }

  assert {
    condition     = alltrue([for to in flatten(jsondecode(data.aws_iam_policy_document.logs.json).Statement[*].Resource) : startswith(to, "arn:aws:logs:*:000000000000:log-group:/aws/lambda/us-east-1.antiphase-test-edge")])
    error_message = "the role reaches the function's own logs only"
  }
}

run "plans_the_function" {
  command = plan

  assert {
    condition     = aws_lambda_function.this.publish && aws_lambda_function.this.runtime == "python3.13" && aws_lambda_function.this.architectures == tolist(["x86_64"])
    error_message = "a numbered version of what the edge can run"
  }

  assert {
    condition     = length(aws_lambda_function.this.environment) == 0 && length(aws_lambda_function.this.vpc_config) == 0 && aws_lambda_function.this.layers == null
    error_message = "the edge has no environment, network or layers"
  }

  assert {
    condition     = aws_lambda_function.this.memory_size == 531
    error_message = "15 ms on a vCPU of 1769 MB are half of a block of 100 ms at 530.7 MB"
  }

  assert {
    condition     = aws_lambda_function.this.skip_destroy
    error_message = "a destroy does not wait for the copies at the edge"
  }
}

run "plans_without_a_name_of_our_own" {
  command = plan

  variables {
    domain = null
  }

  assert {
    condition     = aws_cloudfront_distribution.this.viewer_certificate[0].cloudfront_default_certificate && length(aws_route53_record.this) == 0
    error_message = "a trial needs no domain"
  }
}
