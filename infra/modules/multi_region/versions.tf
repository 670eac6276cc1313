terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"

      # Health checks report to us-east-1 only.
      configuration_aliases = [aws.us_east_1]
    }
  }
}
