# The real provider, offline: its own checks run, and policies are the ones that it writes.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

provider "aws" {
  alias                       = "us_east_1"
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
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

run "plans" {
  command = plan

  assert {
    condition = { for region, record in aws_route53_record.nearest : region => record.latency_routing_policy[0].region } == {
      eu-west-1 = "eu-west-1"
      us-east-1 = "us-east-1"
    }
    error_message = "Each region must have its record of the common name."
  }

  assert {
    condition     = alltrue([for record in aws_route53_record.nearest : record.name == "live.example.org" && record.alias[0].evaluate_target_health])
    error_message = "A region whose load balancer is down must be left out."
  }

  assert {
    condition     = alltrue([for check in aws_route53_health_check.this : check.type == "HTTPS" && check.request_interval == 10 && check.failure_threshold == 3])
    error_message = "A region must be asked every ten seconds, and three silences count."
  }

  assert {
    condition     = aws_route53_health_check.this["eu-west-1"].fqdn == "eu-west-1.live.example.org"
    error_message = "A check must ask its own region, not the nearest."
  }
}
