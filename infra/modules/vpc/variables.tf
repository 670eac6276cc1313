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

variable "cidr" {
  description = "Address range of the network, /16 to /20: each zone gets a sixteenth for each kind of subnet."
  type        = string

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && can(regex("/(1[6-9]|20)$", var.cidr))
    error_message = "cidr must be an IPv4 range from /16 to /20, such as 10.20.0.0/16."
  }

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(cidrhost(var.cidr, 0) == split("/", var.cidr)[0], false)
    error_message = "cidr must start at the range's first address, such as 10.20.0.0/16 (not 10.20.1.0/16)."
  }
}

variable "availability_zones" {
  description = "Zones of the network. A zone's subnets depend on its letter only, so adding one moves no other."
  type        = list(string)

  validation {
    condition     = length(var.availability_zones) >= 2
    error_message = "availability_zones must name at least two zones: one zone is one failure."
  }

  validation {
    condition     = length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "availability_zones names a zone twice."
  }

  validation {
    condition     = alltrue([for zone in var.availability_zones : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9][a-h]$", zone))])
    error_message = "availability_zones must be zones of a region, such as us-east-1a; local zones have no managed services."
  }

  validation {
    condition     = length(distinct([for zone in var.availability_zones : try(substr(zone, 0, length(zone) - 1), zone)])) == 1
    error_message = "availability_zones must all lie in one region."
  }
}

variable "nat" {
  description = "NAT gateways: per_zone (a zone's failure stays its own), single (cheaper, one point of failure) or none (only endpoints)."
  type        = string
  default     = "per_zone"

  validation {
    condition     = contains(["per_zone", "single", "none"], var.nat)
    error_message = "nat must be per_zone, single or none."
  }
}

variable "interface_endpoints" {
  description = "AWS services reached through interface endpoints (logs, ecr.api, ecr.dkr, sts, …); each costs by zone and hour, and saves NAT traffic."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for service in var.interface_endpoints : can(regex("^[a-z0-9.-]+$", service)) && !contains(["s3", "dynamodb"], service)])
    error_message = "interface_endpoints must be service names such as ecr.api; s3 and dynamodb have gateway endpoints, which are free."
  }
}

variable "log_kms_key_arn" {
  description = "Key of the flow log."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.log_kms_key_arn))
    error_message = "log_kms_key_arn must be the ARN of a KMS key."
  }
}

variable "log_days" {
  description = "Days that the flow log is kept."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "log_days must be a retention that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, …"
  }
}
