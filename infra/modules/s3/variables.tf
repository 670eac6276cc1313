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

variable "kms_key_arn" {
  description = "Key of recordings, results and models."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "suffix" {
  description = "Ending that makes the bucket names unique in the world, such as the account number."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,13}$", var.suffix))
    error_message = "suffix must be 1 to 14 lower-case letters, digits and hyphens."
  }
}

variable "cors_origins" {
  description = "Web origins whose pages may upload recordings; empty allows none."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^https://[a-z0-9.-]+(:[0-9]+)?$", origin))])
    error_message = "cors_origins must be https origins such as https://app.example.org."
  }
}

variable "processed_days" {
  description = "Days that processed audio is kept: it can be computed again."
  type        = number
  default     = 30

  validation {
    condition     = var.processed_days >= 1 && var.processed_days <= 365
    error_message = "processed_days must be 1 to 365."
  }
}

variable "glacier_days" {
  description = "Days after which recordings move to Glacier."
  type        = number
  default     = 90

  validation {
    condition     = var.glacier_days >= 1
    error_message = "glacier_days must be at least 1."
  }
}

variable "archive_models" {
  description = "Whether Intelligent-Tiering archives models that nobody has read for 90 and 180 days."
  type        = bool
  default     = true
}

variable "log_days" {
  description = "Days that access and firewall logs are kept."
  type        = number
  default     = 90

  validation {
    condition     = var.log_days >= 1
    error_message = "log_days must be at least 1."
  }
}

variable "deletion_protection" {
  description = "Whether a destroy refuses while a bucket holds objects."
  type        = bool
  default     = true
}
