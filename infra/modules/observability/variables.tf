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

variable "topic_kms_key_arn" {
  description = "Key of the topic; its policy must let cloudwatch.amazonaws.com, aps.amazonaws.com, budgets.amazonaws.com and costalerts.amazonaws.com use it (module kms, services)."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.topic_kms_key_arn))
    error_message = "topic_kms_key_arn must be the ARN of a KMS key; AWS's own key of SNS lets no alarm through."
  }
}

variable "log_kms_key_arn" {
  description = "Key of logs and metrics."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.log_kms_key_arn))
    error_message = "log_kms_key_arn must be the ARN of a KMS key."
  }
}

variable "log_days" {
  description = "Days that the service's log is kept."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "log_days must be a retention that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, …"
  }
}

variable "mail_addresses" {
  description = "Mail addresses that alarms go to; each must be confirmed once, from the mail that AWS sends."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.mail_addresses : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "mail_addresses must be addresses such as team@example.org."
  }
}

variable "alert_rules" {
  description = "File of Prometheus's alert rules: deploy/prometheus/alerts.yaml."
  type        = string

  validation {
    condition     = can(yamldecode(file(var.alert_rules)).groups[0].rules[0].alert)
    error_message = "alert_rules must be a file of Prometheus's rules, such as deploy/prometheus/alerts.yaml."
  }
}

variable "alert_manager" {
  description = "Whether Prometheus's alerts go to the topic."
  type        = bool
  default     = true
}

variable "cluster" {
  description = "Cluster whose annotated pods are read, with subnets and security groups that reach them; null reads none."
  type = object({
    arn                = string
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.cluster == null || can(regex("^arn:aws[a-z-]*:eks:", var.cluster.arn)) && try(length(var.cluster.subnet_ids) >= 2, false)
    error_message = "cluster: arn must be an EKS cluster, subnet_ids two subnets or more."
  }
}

variable "alarms" {
  description = "Further alarms by name: what is measured, when it alarms, and why that matters. comparison is CloudWatch's word; missing says what no data means (notBreaching, breaching, missing, ignore)."
  type = map(object({
    namespace  = string
    metric     = string
    dimensions = map(string)
    statistic  = optional(string, "Sum")
    threshold  = number
    comparison = optional(string, "GreaterThanOrEqualToThreshold")
    period_s   = optional(number, 60)
    periods    = optional(number, 3)
    missing    = optional(string, "notBreaching")
    why        = string
  }))
  default = {}

  validation {
    condition     = alltrue([for alarm in values(var.alarms) : trimspace(alarm.metric) != "" && trimspace(alarm.namespace) != ""])
    error_message = "alarms: an alarm without namespace or metric passes every check and never fires; name both."
  }

  validation {
    condition     = alltrue([for alarm in values(var.alarms) : length(alarm.dimensions) > 0])
    error_message = "alarms: name the dimensions, or the alarm watches a metric that nobody writes."
  }

  validation {
    condition     = alltrue([for alarm in values(var.alarms) : can(regex("^(Average|Sum|Minimum|Maximum|SampleCount|p[0-9]{1,2}(\\.[0-9]+)?)$", alarm.statistic))])
    error_message = "alarms: statistic must be Average, Sum, Minimum, Maximum, SampleCount or a percentile such as p99."
  }

  validation {
    condition     = alltrue([for alarm in values(var.alarms) : contains(["notBreaching", "breaching", "missing", "ignore"], alarm.missing)])
    error_message = "alarms: missing must be notBreaching, breaching, missing or ignore."
  }

  validation {
    condition     = alltrue([for alarm in values(var.alarms) : alarm.period_s == 10 || alarm.period_s == 30 || alarm.period_s >= 60 && alarm.period_s % 60 == 0])
    error_message = "alarms: period_s must be 10, 30 or whole minutes."
  }
}

variable "distribution_id" {
  description = "Distribution of the edge, for the dashboard; null shows none."
  type        = string
  default     = null
}

variable "web_acl" {
  description = "Name of the distribution's firewall, for the dashboard; null shows none."
  type        = string
  default     = null
}

variable "function_name" {
  description = "Function of the region, for the dashboard; null shows none."
  type        = string
  default     = null
}

variable "tables" {
  description = "Tables, for the dashboard."
  type        = set(string)
  default     = []
}

variable "load_balancer" {
  description = "Load balancer of media as metrics name it (net/NAME/ID), for the dashboard, in an object so that the plan knows there is one before its id is known; null shows none."
  type        = object({ name = string })
  default     = null

  validation {
    condition     = var.load_balancer == null || can(regex("^(net|app)/[^/]+/[^/]+$", var.load_balancer.name))
    error_message = "load_balancer.name must be as metrics name it: net/NAME/ID, the end of its ARN."
  }
}

variable "sampling" {
  description = "What X-Ray keeps, by name: requests of a method and path (stars allowed), some each second whole and then a share."
  type = map(object({
    priority    = number
    method      = optional(string, "*")
    path        = string
    each_second = number
    share       = number
  }))
  default = {
    blocks   = { priority = 100, method = "POST", path = "/anc-process", each_second = 1, share = 0.001 }
    sessions = { priority = 200, path = "/sessions*", each_second = 5, share = 0.1 }
  }

  validation {
    condition     = alltrue([for rule in values(var.sampling) : rule.share >= 0 && rule.share <= 1 && rule.each_second >= 0 && rule.priority >= 1 && rule.priority <= 9999])
    error_message = "sampling: share must be 0 to 1, each_second 0 or more, priority 1 to 9999."
  }

  validation {
    condition     = length(distinct([for rule in values(var.sampling) : rule.priority])) == length(var.sampling)
    error_message = "sampling: two rules have the same priority."
  }
}

variable "slow_s" {
  description = "Seconds from which X-Ray counts a request as slow; null groups no traces and pays for no insights."
  type        = number
  default     = 0.1

  validation {
    condition     = var.slow_s == null || try(var.slow_s > 0, false)
    error_message = "slow_s must be above 0."
  }
}
