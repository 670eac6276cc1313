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

variable "package" {
  description = "File that `python -m edge.build` wrote; the keys and limits are in it, for there is no environment at the edge."
  type        = string

  validation {
    condition     = fileexists(var.package)
    error_message = "package must be the file that `python -m edge.build --config edge.json --out edge.zip` writes; there is none at this path."
  }
}

variable "origin_domain" {
  description = "Host name of the region's API, which takes what the edge hands over."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.origin_domain))
    error_message = "origin_domain must be a host name such as api.example.org, without https:// and without a path."
  }
}

variable "web_acl_arn" {
  description = "Firewall of scope CLOUDFRONT (module waf)."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:wafv2:us-east-1:[0-9]{12}:global/webacl/", var.web_acl_arn))
    error_message = "web_acl_arn must be the ARN of a firewall of scope CLOUDFRONT: arn:aws:wafv2:us-east-1:…:global/webacl/…"
  }
}

variable "domain" {
  description = "Names of our own, their certificate (in us-east-1) and their hosted zone. null: CloudFront's name and certificate, which accept TLS 1.0; for trials only."
  type = object({
    names           = list(string)
    certificate_arn = string
    zone_id         = string
  })
  default = null

  validation {
    condition     = var.domain == null || try(length(var.domain.names) > 0 && alltrue([for name in var.domain.names : can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", name))]), false)
    error_message = "domain.names must be host names such as edge.example.org."
  }

  validation {
    condition     = var.domain == null || can(regex("^arn:aws[a-z-]*:acm:us-east-1:", var.domain.certificate_arn))
    error_message = "domain.certificate_arn must be a certificate in us-east-1: CloudFront takes no other."
  }

  validation {
    condition     = var.domain == null || can(regex("^Z[A-Z0-9]+$", var.domain.zone_id))
    error_message = "domain.zone_id must be the id of a hosted zone, such as Z0123456789ABCDEFGHIJ."
  }
}

variable "price_class" {
  description = "Where the edge is: PriceClass_All everywhere, PriceClass_200 without South America and Oceania, PriceClass_100 in North America, Europe and Israel."
  type        = string
  default     = "PriceClass_All"

  validation {
    condition     = contains(["PriceClass_All", "PriceClass_200", "PriceClass_100"], var.price_class)
    error_message = "price_class must be PriceClass_All, PriceClass_200 or PriceClass_100."
  }
}

variable "compute_ms" {
  description = "Compute of one block on a whole vCPU in ms, as `python -m benchmarks.edge` measures it: 128 taps, 16 kHz, 100 ms took 8.7 ms with NLMS and 14 ms with FxNLMS in Python, 1.3 and 2.3 ms with the native kernel."
  type        = number
  default     = 15

  validation {
    condition     = var.compute_ms > 0
    error_message = "compute_ms must be above 0."
  }
}

variable "block_ms" {
  description = "Length of that block in ms; the edge takes blocks of 50 to 200."
  type        = number
  default     = 100

  validation {
    condition     = var.block_ms >= 50 && var.block_ms <= 200
    error_message = "block_ms must be 50 to 200."
  }
}

variable "compute_share" {
  description = "Share of the block's length that compute may take; memory, and with it the share of a vCPU, follows."
  type        = number
  default     = 0.5

  validation {
    condition     = var.compute_share > 0 && var.compute_share <= 1
    error_message = "compute_share must be above 0 and at most 1: above 1 the function falls behind the sound."
  }
}

variable "timeout_s" {
  description = "Seconds after which the platform ends a call; the edge has at most 30."
  type        = number
  default     = 5

  validation {
    condition     = var.timeout_s >= 1 && var.timeout_s <= 30 && floor(var.timeout_s) == var.timeout_s
    error_message = "timeout_s must be 1 to 30 whole seconds."
  }
}

variable "keep_function" {
  description = "Whether a destroy leaves the function: its copies at the edge go hours after the distribution, and until then it can't be deleted."
  type        = bool
  default     = true
}

variable "wait_for_deployment" {
  description = "Whether an apply waits, minutes, until every edge has the change."
  type        = bool
  default     = true
}

variable "access_log" {
  description = "Bucket that receives the access log under edge/; null writes none."
  type        = object({ bucket_arn = string })
  default     = null

  validation {
    condition     = var.access_log == null || can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.access_log.bucket_arn))
    error_message = "access_log.bucket_arn must be the ARN of a bucket."
  }
}

variable "alarm_topics" {
  description = "Topics in us-east-1 that learn of a failing edge."
  type        = list(string)
  default     = []
}

variable "alarm_thresholds" {
  description = "What raises an alarm in two of three minutes: percent of requests that fail, faults of the function per minute."
  type        = object({ failing_percent = optional(number, 5), faults = optional(number, 5) })
  default     = {}

  validation {
    condition     = var.alarm_thresholds.failing_percent > 0 && var.alarm_thresholds.failing_percent <= 100 && var.alarm_thresholds.faults >= 1
    error_message = "alarm_thresholds: failing_percent must be above 0 and at most 100, faults at least 1."
  }
}
