variable "name" {
  description = "Prefix of all names: product and environment, such as antiphase-production."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9]|-[a-z0-9]){2,39}$", var.name)) && length(var.name) <= 40
    error_message = "name must be 3 to 40 lower-case letters, digits and single hyphens, starting with a letter: ElastiCache refuses two hyphens in a row."
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
  description = "Groups that say who may connect."
  type        = list(string)

  validation {
    condition     = length(var.security_group_ids) > 0
    error_message = "security_group_ids must name a group: without one the network's default applies."
  }
}

variable "kms_key_arn" {
  description = "Key of the states at rest."
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

variable "engine_version" {
  description = "Version of Valkey."
  type        = string
  default     = "8.0"

  validation {
    condition     = can(regex("^(7\\.2|8\\.[0-9])$", var.engine_version))
    error_message = "engine_version must be a Valkey version such as 7.2 or 8.0."
  }
}

variable "node_type" {
  description = "Size of each node."
  type        = string
  default     = "cache.t4g.small"

  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", var.node_type))
    error_message = "node_type must be a type such as cache.t4g.small."
  }
}

variable "replicas" {
  description = "Replicas in other zones; with one or more, a lost node is replaced by a replica."
  type        = number
  default     = 1

  validation {
    condition     = var.replicas >= 0 && var.replicas <= 5 && floor(var.replicas) == var.replicas
    error_message = "replicas must be 0 to 5."
  }
}

variable "snapshot_days" {
  description = "Days that daily snapshots are kept; 0 makes none: states are rebuilt within seconds."
  type        = number
  default     = 1

  validation {
    condition     = var.snapshot_days >= 0 && var.snapshot_days <= 35
    error_message = "snapshot_days must be 0 to 35."
  }
}

variable "deletion_protection" {
  description = "Whether a destroy leaves a last snapshot behind; ElastiCache has no lock of its own."
  type        = bool
  default     = true
}

variable "alarm_topics" {
  description = "Topics that learn of busy, full or lagging nodes."
  type        = list(string)
  default     = []
}
