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

variable "zone_id" {
  description = "Public hosted zone of the domain."
  type        = string

  validation {
    condition     = can(regex("^[A-Z0-9]{8,32}$", var.zone_id))
    error_message = "zone_id must be the id of a hosted zone, such as Z0123456789ABCDEFGHIJ."
  }
}

variable "domain" {
  description = "Name that clients use, such as live.example.org."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain must be a name such as live.example.org."
  }
}

variable "regions" {
  description = "Load balancer of each region: its name and the hosted zone of that name."
  type = map(object({
    dns_name = string
    zone_id  = string
  }))

  validation {
    condition     = length(var.regions) >= 1 && alltrue([for region in keys(var.regions) : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "regions must name at least one region, such as us-east-1."
  }
}

variable "port" {
  description = "Port of signalling."
  type        = number
  default     = 443

  validation {
    condition     = var.port >= 1 && var.port <= 65535
    error_message = "port must be 1 to 65535."
  }
}

variable "path" {
  description = "Path that answers 200 while a region takes sessions."
  type        = string
  default     = "/readyz"

  validation {
    condition     = startswith(var.path, "/")
    error_message = "path must begin with a slash."
  }
}

variable "failures" {
  description = "Checks in a row, ten seconds apart, after which a region counts as down."
  type        = number
  default     = 3

  validation {
    condition     = var.failures >= 1 && var.failures <= 10
    error_message = "failures must be 1 to 10."
  }
}

variable "alarm_topics" {
  description = "Topics in us-east-1 that learn of a region that does not answer."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for topic in var.alarm_topics : can(regex("^arn:aws[a-z-]*:sns:us-east-1:", topic))])
    error_message = "alarm_topics must be topics in us-east-1, where health checks report."
  }
}
