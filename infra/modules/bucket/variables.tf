variable "tags" {
  description = "Tags of every resource of this module."
  type        = map(string)
  default     = {}
}

variable "bucket" {
  description = "Name of the bucket; unique in the world."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be 3 to 63 lower-case letters, digits and hyphens (capitals pass the plan and fail the apply)."
  }
}

variable "key" {
  description = "Key of the objects, in an object so that the plan knows there is one before its ARN is known; null uses the keys of S3 itself, for buckets that AWS services write logs to."
  type        = object({ arn = string })
  default     = null

  validation {
    condition     = var.key == null || try(startswith(var.key.arn, "arn:aws"), false)
    error_message = "key.arn must be the ARN of a KMS key."
  }
}

variable "versioned" {
  description = "Whether earlier versions of an object are kept."
  type        = bool
  default     = true
}

variable "transitions" {
  description = "Moves of current objects to cheaper storage, in days after their creation."
  type = list(object({
    days          = number
    storage_class = string
  }))
  default = []

  validation {
    condition = alltrue([for move in var.transitions : contains(
      ["INTELLIGENT_TIERING", "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"], move.storage_class
    )])
    error_message = "transitions: storage_class must be one of INTELLIGENT_TIERING, STANDARD_IA, ONEZONE_IA, GLACIER_IR, GLACIER, DEEP_ARCHIVE."
  }

  validation {
    condition = alltrue([for move in var.transitions :
      move.days >= 30 if contains(["STANDARD_IA", "ONEZONE_IA"], move.storage_class)
    ])
    error_message = "transitions: S3 refuses moves to STANDARD_IA and ONEZONE_IA before 30 days (only at apply)."
  }

  validation {
    condition     = length(distinct([for move in var.transitions : move.days])) == length(var.transitions)
    error_message = "transitions: two moves on the same day; keep one."
  }
}

variable "expiration_days" {
  description = "Days after which current objects are deleted; null keeps them."
  type        = number
  default     = null

  validation {
    condition     = var.expiration_days == null || coalesce(var.expiration_days, 0) >= 1
    error_message = "expiration_days must be at least 1, or null."
  }

  validation {
    condition     = alltrue([for move in var.transitions : move.days < coalesce(var.expiration_days, 1000000)])
    error_message = "expiration_days must come after every transition."
  }
}

variable "noncurrent_expiration_days" {
  description = "Days after which earlier versions are deleted."
  type        = number
  default     = 90

  validation {
    condition     = var.noncurrent_expiration_days >= 1
    error_message = "noncurrent_expiration_days must be at least 1."
  }
}

variable "archive_days" {
  description = "Days without access after which Intelligent-Tiering archives an object: archive at least 90, deep archive at least 180; null turns archiving off."
  type = object({
    archive      = number
    deep_archive = number
  })
  default = null

  validation {
    condition = var.archive_days == null || try(
      var.archive_days.archive >= 90 && var.archive_days.deep_archive >= 180 &&
      var.archive_days.archive < var.archive_days.deep_archive && var.archive_days.deep_archive <= 730, false
    )
    error_message = "archive_days: archive must be at least 90, deep_archive at least 180, at most 730 and later than archive."
  }
}

variable "cors_origins" {
  description = "Web origins whose pages may upload and download; empty allows none."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^https://[a-z0-9.-]+(:[0-9]+)?$", origin))])
    error_message = "cors_origins must be https origins such as https://app.example.org; a star would let every page upload."
  }
}

variable "access_log" {
  description = "Bucket that receives the access log; null writes none."
  type        = object({ bucket = string })
  default     = null
}

variable "log_writers" {
  description = "Service principals that may write logs into this bucket (logging.s3.amazonaws.com and the like)."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for writer in var.log_writers : endswith(writer, ".amazonaws.com")])
    error_message = "log_writers must be service principals such as logging.s3.amazonaws.com."
  }
}

variable "events" {
  description = "Whether the bucket tells EventBridge of new objects."
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "Whether a destroy refuses while the bucket holds objects."
  type        = bool
  default     = true
}
