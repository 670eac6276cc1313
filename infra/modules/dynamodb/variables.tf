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
  description = "Key of the tables."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "replicas" {
  description = "Further regions of the tables (global tables, last writer wins), each with the ARN of a key there."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([for region, key in var.replicas :
      can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region)) && can(regex("^arn:aws[a-z-]*:kms:${region}:", key))
    ])
    error_message = "replicas: each region needs the ARN of a KMS key in that same region."
  }
}

variable "deletion_protection" {
  description = "Whether the tables refuse to be deleted."
  type        = bool
  default     = true
}

variable "alarm_topics" {
  description = "Topics that learn of throttled requests."
  type        = list(string)
  default     = []
}

variable "alarm_threshold" {
  description = "Throttled requests per minute that raise the alarm."
  type        = number
  default     = 1

  validation {
    condition     = var.alarm_threshold >= 1
    error_message = "alarm_threshold must be at least 1."
  }
}
