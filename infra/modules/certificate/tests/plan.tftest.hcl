# The real provider, offline: its own checks run, and policies are the ones that it writes.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  zone_id = "Z0123456789ABCDEFGHIJ"
  domains = ["live.example.org", "us-east-1.live.example.org"]
}

run "plans" {
  command = plan

  assert {
    condition     = aws_acm_certificate.this.validation_method == "DNS" && length(aws_route53_record.proof) == 2
    error_message = "Both names must be proved in the zone."
  }
}
