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
  description = "Key of images and secret."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "images" {
  description = "Images with a tag that are kept, the newest; older ones can't be rolled back to."
  type        = number
  default     = 30

  validation {
    condition     = var.images >= 2 && floor(var.images) == var.images
    error_message = "images must be a whole number from 2: the running one and the one before, to roll back to."
  }
}

variable "untagged_days" {
  description = "Days that an image without a tag is kept."
  type        = number
  default     = 14

  validation {
    condition     = var.untagged_days >= 1 && floor(var.untagged_days) == var.untagged_days
    error_message = "untagged_days must be a whole number from 1."
  }
}

variable "deletion_protection" {
  description = "Whether a repository with images refuses to be deleted, and a deleted secret can be had back for 30 days."
  type        = bool
  default     = true
}
