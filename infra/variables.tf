variable "environment" {
  description = "Which environment this is: dev, staging or production. It is part of every name."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "production"], var.environment)
    error_message = "environment must be dev, staging or production."
  }
}

variable "aws_region" {
  description = "Home region: the tables are made here, and replicated elsewhere."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}-(north|south|east|west|central|northeast|southeast|northwest|southwest)-[0-9]$", var.aws_region))
    error_message = "aws_region must be a region such as us-east-1."
  }
}

variable "vpc_cidr" {
  description = "Address range of the home region's network, /16 to /20; replicas take the next ranges of that size."
  type        = string

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && can(regex("/(1[6-9]|20)$", var.vpc_cidr))
    error_message = "vpc_cidr must be an IPv4 range from /16 to /20, such as 10.20.0.0/16."
  }

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && try(cidrhost(var.vpc_cidr, 0) == split("/", var.vpc_cidr)[0], false)
    error_message = "vpc_cidr must start at the range's first address, such as 10.20.0.0/16 (not 10.20.1.0/16)."
  }
}

variable "availability_zones" {
  description = "Zones of the home region. A zone's subnets depend on its letter only, so adding one moves no other."
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

  validation {
    condition     = alltrue([for zone in var.availability_zones : startswith(zone, var.aws_region)])
    error_message = "availability_zones must lie in aws_region."
  }
}

variable "enable_global_tables" {
  description = "Whether replica_regions serve sessions too, on the same tables. Turning it off removes the replicas, never the tables."
  type        = bool
  default     = false
}

variable "replica_regions" {
  description = "Further regions, at most two, each with a whole copy of what serves sessions."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for region in var.replica_regions : can(regex("^[a-z]{2}-(north|south|east|west|central|northeast|southeast|northwest|southwest)-[0-9]$", region))])
    error_message = "replica_regions must be regions such as eu-west-1."
  }

  validation {
    condition     = !contains(var.replica_regions, var.aws_region)
    error_message = "replica_regions overlaps aws_region: the home region has the tables already; leave it out."
  }

  validation {
    condition     = length(distinct(var.replica_regions)) == length(var.replica_regions)
    error_message = "replica_regions names a region twice."
  }

  validation {
    condition     = length(var.replica_regions) <= 2
    error_message = "replica_regions takes at most two: the environment has two providers for them, replica_1 and replica_2."
  }
}

variable "replica_zones" {
  description = "Zones of each replica region; by default those with the letters of the home region's zones."
  type        = map(list(string))
  default     = {}

  validation {
    condition     = alltrue(flatten([for region, zones in var.replica_zones : [for zone in zones : startswith(zone, region)]]))
    error_message = "replica_zones: each zone must lie in its region."
  }
}

variable "blocked_countries" {
  description = "Countries whose requests the firewall refuses, as ISO 3166-1 codes of two letters."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for country in var.blocked_countries : can(regex("^[A-Z]{2}$", country))])
    error_message = "blocked_countries must be codes of two capitals, such as KP."
  }
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

variable "origins" {
  description = "Web origins whose pages may upload recordings."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.origins : can(regex("^https://[a-z0-9.-]+(:[0-9]+)?$", origin))])
    error_message = "origins must be https origins such as https://app.example.org."
  }
}

variable "alarm_emails" {
  description = "Addresses that learn of alarms; each must confirm once."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+[.][^@ ]+$", address))])
    error_message = "alarm_emails must be e-mail addresses."
  }
}

variable "api_cidrs" {
  description = "IPv4 ranges that reach the cluster's API from outside; empty keeps it inside the network."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for range in var.api_cidrs : can(cidrhost(range, 0)) && !endswith(range, "/0")])
    error_message = "api_cidrs must be IPv4 ranges of administrators, such as 192.0.2.0/24; never the whole internet."
  }
}

variable "administrators" {
  description = "ARN of each role or user that administers the cluster, by a name of your own."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for arn in values(var.administrators) : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/", arn))])
    error_message = "administrators must be ARNs of roles or users."
  }
}

variable "addons" {
  description = "Add-ons that EKS keeps up to date."
  type        = set(string)
  default     = ["coredns", "eks-pod-identity-agent", "kube-proxy", "metrics-server", "vpc-cni"]
}

variable "log_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "log_days must be a retention that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, …"
  }
}

variable "models" {
  description = "Models that answer, by name, none by default: image by digest, model in S3, share of the traffic in parts of 100, instances, and the most instances that load may add."
  type = map(object({
    image          = string
    model_data_url = string
    weight         = number
    instance_type  = optional(string, "ml.c6i.large")
    instances      = optional(number, 1)
    most_instances = optional(number, 1)
  }))
  default = {}
}

variable "shadow_model" {
  description = "Model that sees a copy of all requests and answers none; only beside a single variant."
  type = object({
    image          = string
    model_data_url = string
    instance_type  = optional(string, "ml.c6i.large")
    instances      = optional(number, 1)
  })
  default = null
}

variable "blocks" {
  description = "What answers blocks over HTTP: the edge's package (python -m edge.build), and by region the product's image in its registry, by digest; null: WebRTC only."
  type = object({
    package = string
    images  = map(string)
  })
  default = null

  validation {
    condition     = var.blocks == null || try(contains(keys(var.blocks.images), var.aws_region), false)
    error_message = "blocks.images must have aws_region: the edge hands over to it."
  }
}

variable "media_tcp_port" {
  description = "Port of media over TCP, for clients whose network lets no UDP out; the chart's media.tcpPort. null: none."
  type        = number
  default     = null
}

variable "monthly_usd" {
  description = "What a month may cost; antiphase cost computes what it should."
  type        = number

  validation {
    condition     = var.monthly_usd > 0
    error_message = "monthly_usd must be above 0."
  }
}

variable "sizes" {
  description = "How large and how redundant everything is: NAT (per_zone, single, none) and interface endpoints; nodes of media and their types; cache nodes; the database, its standby and days of backups."
  type = object({
    nat                  = optional(string, "per_zone")
    interface_endpoints  = optional(set(string), [])
    media_instance_types = optional(list(string), ["c6i.xlarge"])
    media_spot           = optional(bool, false)
    media_nodes          = optional(number, 2)
    media_most_nodes     = optional(number, 6)
    cache_node_type      = optional(string, "cache.t4g.small")
    cache_replicas       = optional(number, 1)
    database_class       = optional(string, "db.t4g.small")
    database_standby     = optional(bool, true)
    backup_days          = optional(number, 14)
  })
  default = {}
}

variable "deletion_protection" {
  description = "Whether what holds data, and what clients know by address, refuses to be deleted."
  type        = bool
  default     = true
}
