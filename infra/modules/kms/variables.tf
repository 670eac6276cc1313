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

variable "keys" {
  description = "Keys by purpose: what each is for, the services that use it on their own behalf, and whether CloudWatch Logs encrypts this product's log groups with it."
  type = map(object({
    description = string
    services    = optional(set(string), [])
    log_groups  = optional(bool, false)
  }))

  validation {
    condition     = length(var.keys) > 0 && alltrue([for purpose in keys(var.keys) : can(regex("^[a-z][a-z0-9-]*$", purpose))])
    error_message = "keys must name at least one purpose in lower-case letters, digits and hyphens."
  }

  validation {
    condition     = alltrue(flatten([for key in values(var.keys) : [for service in key.services : endswith(service, ".amazonaws.com")]]))
    error_message = "keys: each service must be a service principal such as cloudwatch.amazonaws.com."
  }
}

variable "deletion_window_days" {
  description = "Days that a deleted key waits, so that a mistake can be undone."
  type        = number
  default     = 30

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days must be 7 to 30."
  }
}

variable "rotation_days" {
  description = "Days between rotations of the key material."
  type        = number
  default     = 365

  validation {
    condition     = var.rotation_days >= 90 && var.rotation_days <= 2560
    error_message = "rotation_days must be 90 to 2560."
  }
}
