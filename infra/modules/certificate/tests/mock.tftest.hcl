mock_provider "aws" {
  source = "../../tests/mock"

  mock_resource "aws_acm_certificate" {
    defaults = {
      arn = "arn:aws:acm:us-east-1:000000000000:certificate/0"
      domain_validation_options = [
        { domain_name = "live.example.org", resource_record_name = "a", resource_record_type = "CNAME", resource_record_value = "b" },
        { domain_name = "us-east-1.live.example.org", resource_record_name = "c", resource_record_type = "CNAME", resource_record_value = "d" },
      ]
    }
  }
}

variables {
  zone_id = "Z0123456789ABCDEFGHIJ"
  domains = ["live.example.org", "us-east-1.live.example.org"]
}

run "applies" {
  command = apply

  assert {
    condition     = aws_route53_record.proof["live.example.org"].name == "a"
    error_message = "Each name must be proved by its own record."
  }
}

run "refuses_a_zone_that_is_none" {
  command = plan

  variables {
    zone_id = "example.org"
  }

  expect_failures = [var.zone_id]
}

run "refuses_no_domains" {
  command = plan

  variables {
    domains = []
  }

  expect_failures = [var.domains]
}

run "refuses_a_domain_twice" {
  command = plan

  variables {
    domains = ["live.example.org", "live.example.org"]
  }

  expect_failures = [var.domains]
}

run "refuses_a_domain_that_is_none" {
  command = plan

  variables {
    domains = ["localhost"]
  }

  expect_failures = [var.domains]
}
