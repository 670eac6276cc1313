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

variable "scope" {
  description = "CLOUDFRONT for a distribution (the provider must then be one of us-east-1), REGIONAL for a load balancer or a REST API."
  type        = string

  validation {
    condition     = contains(["CLOUDFRONT", "REGIONAL"], var.scope)
    error_message = "scope must be CLOUDFRONT or REGIONAL."
  }
}

variable "resources" {
  description = "ARN by name of the load balancers and REST APIs that a REGIONAL firewall guards; a distribution names its firewall itself."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for arn in values(var.resources) : can(regex("^arn:aws[a-z-]*:(elasticloadbalancing|apigateway|appsync|cognito-idp|apprunner|ec2):", arn))])
    error_message = "resources must be ARNs of load balancers, REST APIs and the like; a distribution takes the firewall's ARN instead."
  }

  validation {
    condition     = length(var.resources) == 0 || var.scope == "REGIONAL"
    error_message = "resources are for scope REGIONAL; a distribution takes the firewall's ARN instead."
  }
}

variable "rate_limit" {
  description = "Requests of one address in five minutes, on every path but /anc-process."
  type        = number
  default     = 2000

  validation {
    condition     = var.rate_limit >= 100 && var.rate_limit <= 2000000000
    error_message = "rate_limit must be 100 to 2000000000 requests in five minutes."
  }
}

variable "block_limit" {
  description = "Requests of one address in five minutes to /anc-process. One client with blocks of 100 ms sends 3000; half as many again are for what it sends twice. Clients behind one address share it."
  type        = number
  default     = 4500

  validation {
    condition     = var.block_limit >= 3300 && var.block_limit <= 2000000000
    error_message = "block_limit must be 3300 or more: one client with blocks of 100 ms sends 3000 in five minutes and needs a tenth of head-room."
  }
}

variable "blocked_countries" {
  description = "Countries that are refused, as two capital letters (ISO 3166-1)."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for country in var.blocked_countries : can(regex("^[A-Z]{2}$", country))])
    error_message = "blocked_countries must be codes of two capital letters, such as KP."
  }

  validation {
    condition     = length(var.blocked_countries) <= 50
    error_message = "blocked_countries: one rule takes 50 countries."
  }
}

variable "managed_groups" {
  description = "AWS's managed groups by rule name. override_action is none (the group decides) or count (it only counts). body_rules names the rules that look into bodies and must not block /anc-process, each with the label that its match leaves. action is for own rules and is refused here: AWS ignores it on a group, which then blocks nothing."
  type = map(object({
    group           = string
    priority        = number
    version         = optional(string)
    override_action = optional(string, "none")
    action          = optional(string)
    body_rules      = optional(map(string), {})
  }))
  # 1425 of the 1500 capacity units that the basic price covers.
  default = {
    ip-reputation    = { group = "AWSManagedRulesAmazonIpReputationList", priority = 100 }
    known-bad-inputs = { group = "AWSManagedRulesKnownBadInputsRuleSet", priority = 110 }
    linux            = { group = "AWSManagedRulesLinuxRuleSet", priority = 120 }
    unix             = { group = "AWSManagedRulesUnixRuleSet", priority = 130 }
    common = {
      group    = "AWSManagedRulesCommonRuleSet"
      priority = 140
      body_rules = {
        SizeRestrictions_BODY   = "awswaf:managed:aws:core-rule-set:SizeRestrictions_Body"
        CrossSiteScripting_BODY = "awswaf:managed:aws:core-rule-set:CrossSiteScripting_Body"
      }
    }
    sqli = {
      group    = "AWSManagedRulesSQLiRuleSet"
      priority = 150
      body_rules = {
        SQLi_BODY                 = "awswaf:managed:aws:sql-database:SQLi_Body"
        SQLiExtendedPatterns_BODY = "awswaf:managed:aws:sql-database:SQLiExtendedPatterns_Body"
      }
    }
  }

  validation {
    condition     = length(distinct([for group in values(var.managed_groups) : group.priority])) == length(var.managed_groups)
    error_message = "managed_groups: two groups have the same priority (this passes the plan and fails the apply)."
  }

  validation {
    condition     = alltrue([for group in values(var.managed_groups) : group.priority >= 100 && group.priority < 200 && floor(group.priority) == group.priority])
    error_message = "managed_groups: priorities must be whole numbers from 100 to 199, after the rates and before the labels."
  }

  validation {
    condition     = alltrue([for group in values(var.managed_groups) : group.action == null])
    error_message = "managed_groups: a group takes override_action (none or count), not action."
  }

  validation {
    condition     = alltrue([for group in values(var.managed_groups) : contains(["none", "count"], group.override_action)])
    error_message = "managed_groups: override_action must be none (the group decides) or count (it only counts)."
  }

  validation {
    condition     = alltrue([for group in values(var.managed_groups) : startswith(group.group, "AWSManagedRules")])
    error_message = "managed_groups: group must be one of AWS's, such as AWSManagedRulesCommonRuleSet."
  }

  validation {
    condition     = alltrue(flatten([for group in values(var.managed_groups) : [for label in values(group.body_rules) : startswith(label, "awswaf:managed:aws:")]]))
    error_message = "managed_groups: body_rules maps a rule to the label that it leaves, such as awswaf:managed:aws:sql-database:SQLi_Body."
  }
}

variable "log_bucket_arn" {
  description = "Bucket that receives the firewall's log under waf/."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.log_bucket_arn))
    error_message = "log_bucket_arn must be the ARN of a bucket."
  }
}

variable "log_all" {
  description = "Whether allowed requests are logged too; a client of /anc-process makes ten lines a second."
  type        = bool
  default     = false
}

variable "log_kms_key_arn" {
  description = "Key of the log of failed deliveries; in the region of the provider."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.log_kms_key_arn))
    error_message = "log_kms_key_arn must be the ARN of a KMS key."
  }
}

variable "log_days" {
  description = "Days that failed deliveries are kept."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "log_days must be a retention that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, …"
  }
}

variable "alarm_topics" {
  description = "Topics that learn of blocked requests; in the region of the provider."
  type        = list(string)
  default     = []
}

variable "alarm_thresholds" {
  description = "Blocked requests in five minutes that raise an alarm: rate_blocks over the rate of /anc-process, all by any rule."
  type        = object({ rate_blocks = optional(number, 1), all = optional(number, 1000) })
  default     = {}

  validation {
    condition     = var.alarm_thresholds.rate_blocks >= 1 && var.alarm_thresholds.all >= 1
    error_message = "alarm_thresholds must be at least 1."
  }
}
