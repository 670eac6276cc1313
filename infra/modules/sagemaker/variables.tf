variable "name" {
  description = "Prefix of all names: product and environment, such as antiphase-production."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 40 lower-case letters, digits and hyphens, starting with a letter."
  }
}

variable "tags" {
  description = "Tags of every resource of this module."
  type        = map(string)
  default     = {}
}

variable "subnets" {
  description = "Private subnet by zone."
  type        = map(string)

  validation {
    condition     = length(var.subnets) >= 2
    error_message = "subnets must lie in at least two zones: one zone is one failure."
  }
}

variable "security_group_ids" {
  description = "Groups of the instances."
  type        = list(string)

  validation {
    condition     = length(var.security_group_ids) > 0
    error_message = "security_group_ids must name a group: without one the network's default applies."
  }
}

variable "kms_key_arn" {
  description = "Key of the models and of the disks of their instances."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "log_kms_key_arn" {
  description = "Key of the logs."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.log_kms_key_arn))
    error_message = "log_kms_key_arn must be the ARN of a KMS key."
  }
}

variable "log_days" {
  description = "Days that the logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "log_days must be a retention that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, …"
  }
}

variable "models_bucket_arn" {
  description = "Bucket of the models; they lie below models/."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]+$", var.models_bucket_arn))
    error_message = "models_bucket_arn must be the ARN of a bucket."
  }
}

variable "variants" {
  description = "Models that answer, by name: image by digest, model in S3, share of the traffic in parts of 100, instances, and the most instances that load may add."
  type = map(object({
    image          = string
    model_data_url = string
    weight         = number
    instance_type  = optional(string, "ml.c6i.large")
    instances      = optional(number, 1)
    most_instances = optional(number, 1)
  }))

  validation {
    condition     = length(var.variants) >= 1 && length(var.variants) <= 2
    error_message = "variants must be one model, or two that are compared."
  }

  validation {
    condition     = alltrue([for variant in keys(var.variants) : can(regex("^[a-z][a-z0-9]{0,11}$", variant)) && variant != "shadow"])
    error_message = "variants: each name must be 1 to 12 lower-case letters and digits, and not shadow."
  }

  validation {
    condition     = alltrue([for model in values(var.variants) : model.weight == floor(model.weight) && model.weight >= 0])
    error_message = "variants: each weight must be a whole number from 0."
  }

  validation {
    condition     = sum(concat([0], [for model in values(var.variants) : model.weight])) == 100
    error_message = "variants: the weights must sum to 100, such as 90 and 10; SageMaker takes any numbers, and nobody sees the share in them."
  }

  validation {
    condition     = alltrue([for model in values(var.variants) : can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com/[a-z0-9/_.-]+@sha256:[0-9a-f]{64}$", model.image))])
    error_message = "variants: each image must be in ECR and named by digest (…@sha256:…): a tag can move under a running experiment."
  }

  validation {
    condition     = alltrue([for model in values(var.variants) : can(regex("^s3://[a-z0-9.-]+/models/.+\\.tar\\.gz$", model.model_data_url))])
    error_message = "variants: each model_data_url must be s3://BUCKET/models/….tar.gz."
  }

  validation {
    condition     = alltrue([for model in values(var.variants) : can(regex("^ml\\.[a-z0-9-]+\\.[a-z0-9]+$", model.instance_type)) && model.instances >= 1 && model.most_instances >= model.instances])
    error_message = "variants: instance_type must be a type such as ml.c6i.large, instances at least 1, most_instances no fewer."
  }
}

variable "shadow" {
  description = "Model that sees a copy of all requests and answers none; only beside a single variant."
  type = object({
    image          = string
    model_data_url = string
    instance_type  = optional(string, "ml.c6i.large")
    instances      = optional(number, 1)
  })
  default = null

  validation {
    condition     = var.shadow == null || length(var.variants) == 1
    error_message = "shadow needs exactly one variant beside it: SageMaker refuses more, at apply."
  }

  validation {
    condition = var.shadow == null || try(
      can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com/[a-z0-9/_.-]+@sha256:[0-9a-f]{64}$", var.shadow.image)) && can(regex("^s3://[a-z0-9.-]+/models/.+\\.tar\\.gz$", var.shadow.model_data_url)), false
    )
    error_message = "shadow: the image must be in ECR and named by digest, the model s3://BUCKET/models/….tar.gz."
  }
}

variable "invocations_per_instance" {
  description = "Requests per minute and instance that scaling aims at."
  type        = number
  default     = 600

  validation {
    condition     = var.invocations_per_instance >= 1
    error_message = "invocations_per_instance must be at least 1."
  }
}

variable "latency_ms" {
  description = "Time of an answer that raises the alarm, ms."
  type        = number
  default     = 200

  validation {
    condition     = var.latency_ms >= 1 && var.latency_ms <= 60000
    error_message = "latency_ms must be 1 to 60000: SageMaker itself gives up after 60 s."
  }
}

variable "alarm_topics" {
  description = "Topics that learn of faults and late answers."
  type        = list(string)
  default     = []
}
