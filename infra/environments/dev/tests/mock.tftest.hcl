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
}

mock_provider "aws" {
  alias  = "replica_2"
  source = "../../tests/mock"
}

# With -var-file=dev.tfvars.
run "plans" {
  command = plan

  assert {
    condition     = keys(output.hosts) == ["us-east-1"] && output.host == "dev.live.example.org"
    error_message = "The environment must serve from the regions that its file names."
  }

  assert {
    condition     = output.tables["sessions"] == "antiphase-dev-sessions"
    error_message = "Names must say which environment they belong to."
  }
}
