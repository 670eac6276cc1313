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

provider "aws" {
  alias                       = "replica_1"
  region                      = "eu-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

provider "aws" {
  alias                       = "replica_2"
  region                      = "ap-southeast-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = module.home.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.home.module.kms.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.home.module.registry.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.home.module.vpc.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.home.module.elasticache.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.home.module.rds.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.home.module.media.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.home.module.s3.module.raw.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.home.module.s3.module.processed.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.home.module.s3.module.models.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.home.module.s3.module.logs.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.home.module.sagemaker["this"].data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.replica_1["eu-west-1"].data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.replica_1["eu-west-1"].module.kms.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.replica_1["eu-west-1"].module.registry.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.replica_1["eu-west-1"].module.vpc.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.replica_1["eu-west-1"].module.elasticache.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.replica_1["eu-west-1"].module.rds.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.replica_1["eu-west-1"].module.media.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.replica_1["eu-west-1"].module.s3.module.raw.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.replica_1["eu-west-1"].module.s3.module.processed.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.replica_1["eu-west-1"].module.s3.module.models.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.replica_1["eu-west-1"].module.s3.module.logs.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.front_kms.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.waf.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.home.module.region["this"].data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.home.module.jobs["this"].data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.home.module.observability.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.replica_1["eu-west-1"].module.region["this"].data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.replica_1["eu-west-1"].module.jobs["this"].data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.replica_1["eu-west-1"].module.observability.data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}

override_data {
  target = module.edge["this"].data.aws_caller_identity.this
  values = { account_id = "000000000000" }
}


variables {
  environment        = "production"
  aws_region         = "us-east-1"
  vpc_cidr           = "10.20.0.0/16"
  availability_zones = ["us-east-1a", "us-east-1b", "us-east-1c"]

  enable_global_tables = true
  replica_regions      = ["eu-west-1"]
  blocked_countries    = ["KP"]

  zone_id      = "Z0123456789ABCDEFGHIJ"
  domain       = "live.example.org"
  alarm_emails = ["operator@example.org"]
  monthly_usd  = 2500

  blocks = {
    package = "versions.tf" # stands for the zip
    images = {
      us-east-1 = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      eu-west-1 = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/antiphase@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    }
  }

  models = {
    champion = {
      image          = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      model_data_url = "s3://antiphase-models/models/1/model.tar.gz"
      weight         = 90
    }
    challenger = {
      image          = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
      model_data_url = "s3://antiphase-models/models/2/model.tar.gz"
      weight         = 10
    }
  }
}

run "plans" {
  command = plan

  assert {
    condition     = local.cidrs == { us-east-1 = "10.20.0.0/16", eu-west-1 = "10.21.0.0/16" }
    error_message = "The networks of two regions must not overlap."
  }

  assert {
    condition     = local.zones["eu-west-1"] == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    error_message = "A replica must take zones of its own region."
  }

  assert {
    condition     = output.tables == { connections = "antiphase-production-connections", sessions = "antiphase-production-sessions" }
    error_message = "All regions must share two tables."
  }

  assert {
    condition     = output.hosts["eu-west-1"] == "eu-west-1.live.example.org"
    error_message = "Each region must have a name of its own."
  }
}

run "plans_the_home_region_alone" {
  command = plan

  variables {
    enable_global_tables = false
    models               = {}
  }

  assert {
    condition     = keys(output.hosts) == ["us-east-1"]
    error_message = "Without global tables no other region may serve."
  }
}
