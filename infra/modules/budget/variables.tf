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

variable "monthly_usd" {
  description = "What a month may cost; `antiphase cost` computes what it should."
  type        = number

  validation {
    condition     = var.monthly_usd >= 1
    error_message = "monthly_usd must be at least 1."
  }
}

variable "tag" {
  description = "Tag that the counted resources carry, activated as a cost allocation tag; null counts the whole account."
  type        = object({ key = string, value = string })
  default     = null

  validation {
    condition     = var.tag == null || try(length(trimspace(var.tag.key)) > 0 && length(trimspace(var.tag.value)) > 0 && !strcontains(var.tag.key, "$"), false)
    error_message = "tag needs a key and a value, such as Environment and production."
  }
}

variable "actual_percents" {
  description = "Percent of the budget, spent, that are told of."
  type        = set(number)
  default     = [50, 80, 100]

  validation {
    condition     = length(var.actual_percents) > 0 && alltrue([for percent in var.actual_percents : percent > 0 && percent <= 1000])
    error_message = "actual_percents must name at least one share above 0 and at most 1000."
  }
}

variable "forecast_percents" {
  description = "Percent of the budget, forecast for the month's end, that are told of; AWS forecasts after five weeks."
  type        = set(number)
  default     = [100]

  validation {
    condition     = alltrue([for percent in var.forecast_percents : percent > 0 && percent <= 1000])
    error_message = "forecast_percents must be above 0 and at most 1000."
  }

  validation {
    condition     = length(var.forecast_percents) + length(var.actual_percents) <= 5
    error_message = "forecast_percents: a budget takes five notifications in all."
  }
}

variable "anomaly_usd" {
  description = "What a service's cost must jump by to be told of; null watches for no jumps."
  type        = number
  default     = 20

  validation {
    condition     = var.anomaly_usd == null || coalesce(var.anomaly_usd, 0) >= 1
    error_message = "anomaly_usd must be at least 1, or null."
  }
}

variable "mail_addresses" {
  description = "Mail addresses that are told."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.mail_addresses : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "mail_addresses must be addresses such as team@example.org."
  }

  validation {
    condition     = length(var.mail_addresses) <= 10
    error_message = "mail_addresses: a notification takes ten."
  }
}

variable "topics" {
  description = "Topic that is told (module observability); one at most."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.topics) <= 1 && alltrue([for topic in var.topics : can(regex("^arn:aws[a-z-]*:sns:", topic))])
    error_message = "topics must be one ARN of a topic, or none."
  }
}
