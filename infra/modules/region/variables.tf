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

variable "image" {
  description = "Image of the product (deploy/docker) in a registry of this account and region, by digest."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9._/-]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must be an image in ECR by digest: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:…; a tag may point elsewhere tomorrow."
  }
}

variable "config_secret_arn" {
  description = "Secret that holds the file which the edge is built from: keys and current_key, as JSON."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:", var.config_secret_arn))
    error_message = "config_secret_arn must be the ARN of a secret in Secrets Manager."
  }
}

variable "kms_key_arn" {
  description = "Key of that secret and of the function's environment."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "states" {
  description = "Store of states above 4 kB, as module elasticache puts it out; null keeps them in each instance's memory, so that a long filter starts anew on another instance."
  type = object({
    endpoint       = string
    port           = optional(number, 6379)
    user           = string
    group          = string
    connect_policy = string
  })
  default = null

  validation {
    condition     = var.states == null || var.network != null
    error_message = "states: the store is in our network, so the function needs one too: set network."
  }
}

variable "network" {
  description = "Private subnets and security groups (module vpc, role lambda) of the function; null: outside our network."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.network == null || try(length(var.network.subnet_ids) >= 2 && length(var.network.security_group_ids) >= 1, false)
    error_message = "network needs two subnets or more (one zone is one failure) and a security group."
  }
}

variable "memory_mb" {
  description = "Memory of the function; 1769 MB are one vCPU."
  type        = number
  default     = 1769

  validation {
    condition     = var.memory_mb >= 512 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "memory_mb must be 512 to 10240: less does not load the numerical libraries."
  }
}

variable "timeout_s" {
  description = "Seconds after which a call ends; the API waits at most 30."
  type        = number
  default     = 20

  validation {
    condition     = var.timeout_s >= 1 && var.timeout_s <= 30 && floor(var.timeout_s) == var.timeout_s
    error_message = "timeout_s must be 1 to 30 whole seconds: the API waits no longer."
  }
}

variable "reserved_concurrency" {
  description = "Calls at once that the function may use, and no more: its cap and its share of the account, whose quota must be 100 above."
  type        = number
  default     = 100

  validation {
    condition     = var.reserved_concurrency >= 1 && floor(var.reserved_concurrency) == var.reserved_concurrency
    error_message = "reserved_concurrency must be a whole number from 1."
  }
}

variable "warm_instances" {
  description = "Instances that are kept warm, paid by the hour; without them the first block of an idle region waits seconds."
  type        = number
  default     = 0

  validation {
    condition     = var.warm_instances >= 0 && var.warm_instances <= var.reserved_concurrency && floor(var.warm_instances) == var.warm_instances
    error_message = "warm_instances must be a whole number from 0 to reserved_concurrency."
  }
}

variable "rate" {
  description = "Requests per second of the API; a client with blocks of 100 ms sends 10."
  type        = number
  default     = 500

  validation {
    condition     = var.rate >= 10
    error_message = "rate must be at least 10 requests per second, which is one client."
  }
}

variable "burst" {
  description = "Requests at once above the rate."
  type        = number
  default     = 500

  validation {
    condition     = var.burst >= 10 && floor(var.burst) == var.burst
    error_message = "burst must be a whole number from 10."
  }
}

variable "domain" {
  description = "Name of our own, its certificate in this region and its hosted zone; the same name in several regions leads to the nearest. null: the API's own name."
  type = object({
    name            = string
    certificate_arn = string
    zone_id         = string
  })
  default = null

  validation {
    condition     = var.domain == null || can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.domain.name)) && can(regex("^arn:aws[a-z-]*:acm:", var.domain.certificate_arn)) && can(regex("^Z[A-Z0-9]+$", var.domain.zone_id))
    error_message = "domain: name must be a host name, certificate_arn a certificate and zone_id a hosted zone such as Z0123456789ABCDEFGHIJ."
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
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "log_days must be a retention that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, …"
  }
}

variable "alarm_topics" {
  description = "Topics that learn of a failing region."
  type        = list(string)
  default     = []
}

variable "alarm_thresholds" {
  description = "What raises an alarm in two of three minutes: errors per minute, and the time in ms that one block in a hundred exceeds."
  type        = object({ errors = optional(number, 5), duration_ms = optional(number, 100) })
  default     = {}

  validation {
    condition     = var.alarm_thresholds.errors >= 1 && var.alarm_thresholds.duration_ms >= 1
    error_message = "alarm_thresholds must be at least 1."
  }
}
