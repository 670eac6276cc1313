mock_provider "aws" {
  source = "../../tests/mock"
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

run "applies" {
  command = apply

  assert {
    condition     = join(" ", output.urls) == "https://edge.example.org/anc-process"
    error_message = "clients are told the name of our own"
  }
}

run "refuses_another_region" {
  command = plan

  override_data {
    target = data.aws_region.this
    values = { name = "eu-west-1" }
  }

  expect_failures = [aws_lambda_function.this]
}

run "refuses_more_memory_than_there_is" {
  command = plan

  variables {
    compute_ms = 1000
  }

  expect_failures = [aws_lambda_function.this]
}

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    name             = "Antiphase"
    package          = "none.zip"
    origin_domain    = "https://api.example.org/"
    web_acl_arn      = "arn:aws:wafv2:eu-west-1:000000000000:regional/webacl/test/1"
    price_class      = "PriceClass_300"
    compute_ms       = 0
    block_ms         = 20
    compute_share    = 1.5
    timeout_s        = 60
    access_log       = { bucket_arn = "logs" }
    alarm_thresholds = { faults = 0 }
    domain = {
      names           = ["edge.example.org"]
      certificate_arn = "arn:aws:acm:eu-west-1:000000000000:certificate/1"
      zone_id         = "Z0123456789"
    }
  }

  expect_failures = [
    var.name, var.package, var.origin_domain, var.web_acl_arn, var.price_class, var.compute_ms,
    var.block_ms, var.compute_share, var.timeout_s, var.access_log, var.alarm_thresholds, var.domain,
  ]
}

run "refuses_a_name_that_is_an_address" {
  command = plan

  variables {
    domain = {
      names           = ["https://edge.example.org"]
      certificate_arn = "arn:aws:acm:us-east-1:000000000000:certificate/1"
      zone_id         = "Z0123456789"
    }
  }

  expect_failures = [var.domain]
}

run "refuses_a_zone_that_is_none" {
  command = plan

  variables {
    domain = {
      names           = ["edge.example.org"]
      certificate_arn = "arn:aws:acm:us-east-1:000000000000:certificate/1"
      zone_id         = "example.org"
    }
  }

  expect_failures = [var.domain]
}
