mock_provider "aws" {
  source = "../../tests/mock"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "../../tests/mock"
}

variables {
  name         = "antiphase-test"
  zone_id      = "Z0123456789ABCDEFGHIJ"
  domain       = "live.example.org"
  alarm_topics = ["arn:aws:sns:us-east-1:000000000000:alarms"]

  regions = {
    us-east-1 = { dns_name = "one.elb.us-east-1.amazonaws.com", zone_id = "Z26RNL4JYFTOTI" }
    eu-west-1 = { dns_name = "two.elb.eu-west-1.amazonaws.com", zone_id = "Z2IFOLAFXWLO4F" }
  }
}

run "applies" {
  command = apply

  assert {
    condition     = output.hosts["eu-west-1"] == "eu-west-1.live.example.org" && output.failover_seconds == 90
    error_message = "Each region must have a name of its own, and fail-over its 90 s."
  }
}

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    zone_id      = "example.org"
    domain       = "localhost"
    regions      = {}
    port         = 0
    path         = "readyz"
    failures     = 11
    alarm_topics = ["arn:aws:sns:eu-west-1:000000000000:alarms"]
    name         = "Antiphase"
  }

  expect_failures = [
    var.zone_id, var.domain, var.regions, var.port, var.path, var.failures, var.alarm_topics, var.name,
  ]
}

run "refuses_an_unknown_region" {
  command = plan

  variables {
    regions = { europe = { dns_name = "x", zone_id = "Z1" } }
  }

  expect_failures = [var.regions]
}
