variable "environment" {
  description = "Which environment this is: dev, staging or production. It is part of every name."
  type        = string
}

variable "aws_region" {
  description = "Home region: the tables are made here, and replicated elsewhere."
  type        = string
}

variable "vpc_cidr" {
  description = "Address range of the home region's network, /16 to /20; replicas take the next ranges of that size."
  type        = string
}

variable "availability_zones" {
  description = "Zones of the home region. A zone's subnets depend on its letter only, so adding one moves no other."
  type        = list(string)
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
}

variable "replica_zones" {
  description = "Zones of each replica region; by default those with the letters of the home region's zones."
  type        = map(list(string))
  default     = {}
}

variable "blocked_countries" {
  description = "Countries whose requests the firewall refuses, as ISO 3166-1 codes of two letters."
  type        = list(string)
  default     = []
}

variable "zone_id" {
  description = "Public hosted zone of the domain."
  type        = string
}

variable "domain" {
  description = "Name that clients use, such as live.example.org."
  type        = string
}

variable "origins" {
  description = "Web origins whose pages may upload recordings."
  type        = list(string)
  default     = []
}

variable "alarm_emails" {
  description = "Addresses that learn of alarms; each must confirm once."
  type        = set(string)
  default     = []
}

variable "api_cidrs" {
  description = "IPv4 ranges that reach the cluster's API from outside; empty keeps it inside the network."
  type        = set(string)
  default     = []
}

variable "administrators" {
  description = "ARN of each role or user that administers the cluster, by a name of your own."
  type        = map(string)
  default     = {}
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

variable "blocks" {
  description = "What answers blocks over HTTP: the edge's package (python -m edge.build), and by region the product's image in its registry, by digest; null: WebRTC only."
  type = object({
    package = string
    images  = map(string)
  })
  default = null
}

variable "media_tcp_port" {
  description = "Port of media over TCP, for clients whose network lets no UDP out; the chart's media.tcpPort. null: none."
  type        = number
  default     = null
}

variable "monthly_usd" {
  description = "What a month may cost; antiphase cost computes what it should."
  type        = number
}
