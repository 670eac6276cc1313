mock_provider "aws" {
  source = "../../tests/mock"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "../../tests/mock"
}

mock_provider "aws" {
  alias  = "replica_1"
  source = "../../tests/mock"

  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:000000000000:key/00000000-0000-0000-0000-000000000000" }
  }
}

mock_provider "aws" {
  alias  = "replica_2"
  source = "../../tests/mock"
}

# With -var-file=production.tfvars.
run "plans" {
  command = plan

  assert {
    condition     = keys(output.hosts) == ["eu-west-1", "us-east-1"] && output.host == "live.example.org"
    error_message = "The environment must serve from the regions that its file names."
  }

  assert {
    condition     = output.tables["sessions"] == "antiphase-production-sessions"
    error_message = "Names must say which environment they belong to."
  }
}
