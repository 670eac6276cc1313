mock_provider "aws" {
  source = "../../tests/mock"
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

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    zone_id = "example.org"
    domains = []
  }

  expect_failures = [var.zone_id, var.domains]
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
