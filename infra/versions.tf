terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"

      # The edge and health checks live in us-east-1 whatever the home region is.
      configuration_aliases = [aws.us_east_1, aws.replica_1, aws.replica_2]
    }
  }
}
