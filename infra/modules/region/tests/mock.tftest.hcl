mock_provider "aws" {
  source = "../../tests/mock"
}

variables {
  name              = "antiphase-test"
  image             = "000000000000.dkr.ecr.us-east-1.amazonaws.com/antiphase@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  config_secret_arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:antiphase-test-edge-000000"
  kms_key_arn       = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  log_kms_key_arn   = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
  warm_instances    = 2
  network           = { subnet_ids = ["subnet-a", "subnet-b"], security_group_ids = ["sg-a"] }
  states            = { endpoint = "states.example.org", user = "service", group = "antiphase-test", connect_policy = "{}" }
  domain = {
    name            = "api.example.org"
    certificate_arn = "arn:aws:acm:us-east-1:000000000000:certificate/1"
    zone_id         = "Z0123456789"
  }
}

run "applies" {
  command = apply

  assert {
    condition     = output.url == "https://api.example.org/anc-process" && output.host == "api.example.org"
    error_message = "clients are told the name of our own"
  }
}

run "refuses_bad_values_of_each_kind" {
  command = plan

  variables {
    name                 = "Antiphase"
    image                = "antiphase:latest"
    config_secret_arn    = "edge.json"
    kms_key_arn          = "secret"
    log_kms_key_arn      = "secret"
    network              = { subnet_ids = ["subnet-a"], security_group_ids = ["sg-a"] }
    memory_mb            = 128
    timeout_s            = 60
    rate                 = 1
    burst                = 1
    domain               = { name = "https://api.example.org", certificate_arn = "arn:aws:acm:us-east-1:000000000000:certificate/1", zone_id = "Z0123456789" }
    log_days             = 42
    alarm_thresholds     = { errors = 0 }
    reserved_concurrency = 1
  }

  expect_failures = [
    var.name, var.image, var.config_secret_arn, var.kms_key_arn, var.log_kms_key_arn, var.network,
    var.memory_mb, var.timeout_s, var.rate, var.burst, var.domain, var.log_days, var.alarm_thresholds,
    var.warm_instances,
  ]
}

run "refuses_other_bad_values" {
  command = plan

  variables {
    network              = null
    reserved_concurrency = 0
    warm_instances       = 0
  }

  expect_failures = [var.states, var.reserved_concurrency]
}
