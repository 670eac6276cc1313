variable "tags" {
  description = "Tags of every resource of this module."
  type        = map(string)
  default     = {}
}

variable "zone_id" {
  description = "Public hosted zone of the domains."
  type        = string

  validation {
    condition     = can(regex("^[A-Z0-9]{8,32}$", var.zone_id))
    error_message = "zone_id must be the id of a hosted zone, such as Z0123456789ABCDEFGHIJ."
  }
}

variable "domains" {
  description = "Names that the certificate is for, the main one first."
  type        = list(string)

  validation {
    condition     = length(var.domains) >= 1 && length(distinct(var.domains)) == length(var.domains)
    error_message = "domains must name at least one name, and none twice."
  }

  validation {
    condition     = alltrue([for domain in var.domains : can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", domain))])
    error_message = "domains must be names such as live.example.org."
  }
}
