mock_provider "aws" {
  source = "../../tests/mock"
}

variables {
  name               = "antiphase-test"
  subnets            = { us-east-1a = "subnet-1", us-east-1b = "subnet-2" }
  security_group_ids = ["sg-1"]
  kms_key_arn        = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  log_kms_key_arn    = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000001"
  models_bucket_arn  = "arn:aws:s3:::antiphase-test-models"

  variants = {
    champion = {
      image          = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      model_data_url = "s3://antiphase-test-models/models/1/model.tar.gz"
      weight         = 90
      most_instances = 3
    }
    challenger = {
      image          = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
      model_data_url = "s3://antiphase-test-models/models/2/model.tar.gz"
      weight         = 10
    }
  }
}

run "applies" {
  command = apply

  assert {
    condition     = output.variants == { champion = 90, challenger = 10 }
    error_message = "Nine in ten requests must go to the champion."
  }
}

run "applies_with_a_shadow" {
  command = apply

  variables {
    variants = { champion = { image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", model_data_url = "s3://antiphase-test-models/models/1/model.tar.gz", weight = 100 } }
    shadow   = { image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", model_data_url = "s3://antiphase-test-models/models/2/model.tar.gz" }
  }
}

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    variants                 = { for name in ["a", "b", "c"] : name => { image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", model_data_url = "s3://antiphase-test-models/models/1/model.tar.gz", weight = name == "a" ? 80 : 10 } }
    latency_ms               = 90000
    invocations_per_instance = 0
    models_bucket_arn        = "models"
    subnets                  = { us-east-1a = "subnet-1" }
    log_days                 = 42
  }

  expect_failures = [
    var.variants, var.latency_ms, var.invocations_per_instance, var.models_bucket_arn,
    var.subnets, var.log_days,
  ]
}

run "refuses_weights_that_hide_the_share" {
  command = plan

  variables {
    variants = { a = { image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", model_data_url = "s3://antiphase-test-models/models/1/model.tar.gz", weight = 9 }, b = { image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", model_data_url = "s3://antiphase-test-models/models/1/model.tar.gz", weight = 1 } }
  }

  expect_failures = [var.variants]
}

run "refuses_broken_weights" {
  command = plan

  variables {
    variants = { a = { image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", model_data_url = "s3://antiphase-test-models/models/1/model.tar.gz", weight = 99.5 }, b = { image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", model_data_url = "s3://antiphase-test-models/models/1/model.tar.gz", weight = 0.5 } }
  }

  expect_failures = [var.variants]
}

run "refuses_an_image_by_tag" {
  command = plan

  variables {
    variants = { a = { image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model:latest", model_data_url = "s3://antiphase-test-models/models/1/model.tar.gz", weight = 100 } }
  }

  expect_failures = [var.variants]
}

run "refuses_a_model_elsewhere" {
  command = plan

  variables {
    variants = { a = { image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", model_data_url = "s3://antiphase-test-models/1/model.onnx", weight = 100 } }
  }

  expect_failures = [var.variants]
}

run "refuses_no_instances" {
  command = plan

  variables {
    variants = { a = merge({ image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", model_data_url = "s3://antiphase-test-models/models/1/model.tar.gz", weight = 100 }, { instances = 0 }) }
  }

  expect_failures = [var.variants]
}

run "refuses_a_variant_called_shadow" {
  command = plan

  variables {
    variants = { shadow = { image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", model_data_url = "s3://antiphase-test-models/models/1/model.tar.gz", weight = 100 } }
  }

  expect_failures = [var.variants]
}

run "refuses_a_shadow_beside_two" {
  command = plan

  variables {
    shadow = { image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase/model@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", model_data_url = "s3://antiphase-test-models/models/2/model.tar.gz" }
  }

  expect_failures = [var.shadow]
}
