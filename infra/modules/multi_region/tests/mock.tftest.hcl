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

run "refuses_a_zone_that_is_none" {
  command = plan

  variables {
    zone_id = "example.org"
  }

  expect_failures = [var.zone_id]
}

run "refuses_a_domain_that_is_none" {
  command = plan

  variables {
    domain = "localhost"
  }

  expect_failures = [var.domain]
}

run "refuses_no_regions" {
  command = plan

  variables {
    regions = {}
  }

  expect_failures = [var.regions]
}

run "refuses_an_unknown_region" {
  command = plan

  variables {
    regions = { europe = { dns_name = "x", zone_id = "Z1" } }
  }

  expect_failures = [var.regions]
}

run "refuses_no_port" {
  command = plan

  variables {
    port = 0
  }

  expect_failures = [var.port]
}

run "refuses_a_path_without_slash" {
  command = plan

  variables {
    path = "readyz"
  }

  expect_failures = [var.path]
}

run "refuses_endless_patience" {
  command = plan

  variables {
    failures = 11
  }

  expect_failures = [var.failures]
}

run "refuses_a_topic_elsewhere" {
  command = plan

  variables {
    alarm_topics = ["arn:aws:sns:eu-west-1:000000000000:alarms"]
  }

  expect_failures = [var.alarm_topics]
}

run "refuses_capitals_in_the_name" {
  command = plan

  variables {
    name = "Antiphase"
  }

  expect_failures = [var.name]
}
