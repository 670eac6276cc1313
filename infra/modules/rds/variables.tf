variable "name" {
  description = "Prefix of all names: product and environment, such as antiphase-production."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9]|-[a-z0-9]){2,39}$", var.name)) && length(var.name) <= 40
    error_message = "name must be 3 to 40 lower-case letters, digits and single hyphens, starting with a letter: RDS refuses two hyphens in a row."
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
  description = "Key of the data, its backups and the secret."
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
  description = "Major version of PostgreSQL; minor versions come by themselves."
  type        = string
  default     = "17"

  validation {
    condition     = can(regex("^1[4-8]$", var.engine_version))
    error_message = "engine_version must be a major version of PostgreSQL, 14 to 18."
  }
}

variable "instance_class" {
  description = "Size of the instance."
  type        = string
  default     = "db.t4g.small"

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.instance_class))
    error_message = "instance_class must be a class such as db.t4g.small."
  }
}

variable "multi_az" {
  description = "Whether a standby in another zone takes over when the instance or its zone fails."
  type        = bool
  default     = true
}

variable "storage_gb" {
  description = "Storage at the start, GiB."
  type        = number
  default     = 20

  validation {
    condition     = var.storage_gb >= 20 && var.storage_gb <= 65536
    error_message = "storage_gb must be 20 to 65536: gp3 starts at 20."
  }
}

variable "most_storage_gb" {
  description = "Storage up to which the database grows by itself, GiB."
  type        = number
  default     = 100

  validation {
    condition     = var.most_storage_gb >= 1.26 * var.storage_gb
    error_message = "most_storage_gb must be at least 26 % above storage_gb: RDS grows in such steps, and refuses less only at apply."
  }
}

variable "backup_days" {
  description = "Days back to any second of which the database can be restored."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35
    error_message = "backup_days must be 1 to 35: with 0 nothing can be restored."
  }
}

variable "most_connections" {
  description = "Connections that raise the alarm."
  type        = number
  default     = 80

  validation {
    condition     = var.most_connections >= 1
    error_message = "most_connections must be at least 1."
  }
}

variable "deletion_protection" {
  description = "Whether the database refuses to be deleted, and leaves a last snapshot once it may be."
  type        = bool
  default     = true
}

variable "alarm_topics" {
  description = "Topics that learn of a busy or full database."
  type        = list(string)
  default     = []
}
