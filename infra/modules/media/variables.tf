variable "name" {
  description = "Prefix of all names: product and environment, such as antiphase-production."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 26 lower-case letters, digits and hyphens, starting with a letter: names of load balancers and target groups end at 32."
  }
}

variable "tags" {
  description = "Tags of every resource of this module."
  type        = map(string)
  default     = {}
}

variable "vpc_id" {
  description = "Network."
  type        = string
}

variable "public_subnets" {
  description = "Public subnet by zone: the load balancer's and the nodes'."
  type        = map(string)

  validation {
    condition     = length(var.public_subnets) >= 2
    error_message = "public_subnets must lie in at least two zones: one zone is one failure."
  }
}

variable "private_subnets" {
  description = "Private subnet by zone: the control plane's."
  type        = map(string)

  validation {
    condition     = length(var.private_subnets) >= 2
    error_message = "private_subnets must lie in at least two zones: EKS refuses one, at apply."
  }
}

variable "security_group_id" {
  description = "Group of the nodes, which the data stores let in."
  type        = string
}

variable "client_cidrs" {
  description = "IPv4 ranges that may send media and signalling; the whole internet for a public service."
  type        = set(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = length(var.client_cidrs) > 0 && alltrue([for range in var.client_cidrs : can(cidrhost(range, 0))])
    error_message = "client_cidrs must be IPv4 ranges such as 0.0.0.0/0."
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

variable "kms_key_arn" {
  description = "Key of the cluster's secrets."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "log_kms_key_arn" {
  description = "Key of the control plane's logs."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.log_kms_key_arn))
    error_message = "log_kms_key_arn must be the ARN of a KMS key."
  }
}

variable "log_days" {
  description = "Days that the logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "log_days must be a retention that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, …"
  }
}

variable "kubernetes_version" {
  description = "Version of Kubernetes, control plane and nodes."
  type        = string
  default     = "1.34"

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "kubernetes_version must be a minor version such as 1.34."
  }
}

variable "addons" {
  description = "Add-ons that EKS keeps up to date."
  type        = set(string)
  default     = ["coredns", "eks-pod-identity-agent", "kube-proxy", "metrics-server", "vpc-cni"]
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

variable "worker_names" {
  description = "Domain under which workers have names of their own and its hosted zone; external-dns keeps the names."
  type        = object({ domain = string, zone_id = string })

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.worker_names.domain)) && can(regex("^[A-Z0-9]{8,32}$", var.worker_names.zone_id))
    error_message = "worker_names: domain must be a name such as media.us-east-1.live.example.org and zone_id a hosted zone such as Z0123456789ABCDEFGHIJ."
  }
}

variable "service_policies" {
  description = "Policies of the service's pods, by name: what they may do in AWS."
  type        = map(string)
  default     = {}
}

variable "namespace" {
  description = "Namespace of the service in the cluster."
  type        = string
  default     = "antiphase"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "namespace must be a name of lower-case letters, digits and hyphens."
  }
}

variable "instance_types" {
  description = "Types of node, the first preferred; x86-64 with AVX2."
  type        = list(string)
  default     = ["c6i.xlarge"]

  validation {
    condition     = length(var.instance_types) > 0 && alltrue([for type in var.instance_types : can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9]+$", type))])
    error_message = "instance_types must be types such as c6i.xlarge."
  }

  validation {
    condition     = alltrue([for type in var.instance_types : !can(regex("^[a-z]+[0-9]+g[a-z]*\\.", type))])
    error_message = "instance_types: the image is built for x86-64; a type with a g after its generation is arm64, and its nodes would never join."
  }
}

variable "spot" {
  description = "Whether nodes are spot instances: cheaper, and taken away with two minutes' notice."
  type        = bool
  default     = false
}

variable "nodes" {
  description = "Fewest nodes."
  type        = number
  default     = 2

  validation {
    condition     = var.nodes >= 1
    error_message = "nodes must be at least 1."
  }
}

variable "most_nodes" {
  description = "Most nodes."
  type        = number
  default     = 6

  validation {
    condition     = var.most_nodes >= var.nodes
    error_message = "most_nodes must be at least nodes."
  }
}

variable "media_port" {
  description = "Port of each worker on its node: media (UDP) and signalling (TLS)."
  type        = number
  default     = 8443

  validation {
    condition     = var.media_port >= 1024 && var.media_port <= 29999
    error_message = "media_port must be 1024 to 29999: the service runs without privileges, and node ports begin at 30000."
  }
}

variable "media_tcp_port" {
  description = "Port of media over TCP (ICE-TCP) on each worker's node and at the load balancer, for clients whose network lets no UDP out; the chart's media.tcpPort. null: none."
  type        = number
  default     = null

  validation {
    condition     = var.media_tcp_port == null || try(var.media_tcp_port >= 1024 && var.media_tcp_port <= 29999 && var.media_tcp_port != var.media_port, false)
    error_message = "media_tcp_port must be 1024 to 29999, as media_port, and another port: a worker's signalling has that one."
  }
}

variable "signalling_port" {
  description = "Port of signalling over TLS 1.3 that reaches any ready worker."
  type        = number
  default     = 443

  validation {
    condition     = var.signalling_port >= 1 && var.signalling_port <= 65535
    error_message = "signalling_port must be 1 to 65535."
  }
}

variable "relay_ports" {
  description = "Ports on the nodes from which a TURN relay sends (coturn's min-port and max-port); null where there is none."
  type        = object({ from = number, to = number })
  default     = { from = 49160, to = 49360 }

  validation {
    condition     = var.relay_ports == null || try(var.relay_ports.from >= 32768 && var.relay_ports.to <= 65535 && var.relay_ports.from < var.relay_ports.to, false)
    error_message = "relay_ports must be a range within 32768 to 65535, above the node ports of Kubernetes."
  }
}

variable "listeners" {
  description = "Further listeners, such as a TURN relay's: port and protocol outside, port and protocol on the nodes."
  type = map(object({
    port            = number
    protocol        = string
    target_port     = number
    target_protocol = string
  }))
  default = {}

  validation {
    condition     = alltrue([for listener in values(var.listeners) : contains(["TCP", "TLS", "UDP"], listener.protocol)])
    error_message = "listeners: protocol must be TCP, TLS or UDP."
  }

  validation {
    condition = alltrue([for listener in values(var.listeners) : contains(
      { TCP = ["TCP"], TLS = ["TCP", "TLS"], UDP = ["UDP"] }[listener.protocol], listener.target_protocol
    ) if contains(["TCP", "TLS", "UDP"], listener.protocol)])
    error_message = "listeners: a UDP listener needs a UDP target group, TCP a TCP one, TLS one of TCP or TLS; the plan shows no fault, only the apply."
  }
}

variable "certificate_arn" {
  description = "Certificate of the TLS listeners."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:acm:", var.certificate_arn))
    error_message = "certificate_arn must be the ARN of a certificate in ACM."
  }
}

variable "log_bucket" {
  description = "Bucket of the load balancer's access log."
  type        = string
}

variable "drain_seconds" {
  description = "Seconds that a leaving node keeps its flows: at least what a worker waits for its sessions."
  type        = number
  default     = 300

  validation {
    condition     = var.drain_seconds >= 30 && var.drain_seconds <= 3600
    error_message = "drain_seconds must be 30 to 3600."
  }
}

variable "deletion_protection" {
  description = "Whether the load balancer, whose addresses clients know, refuses to be deleted."
  type        = bool
  default     = true
}

variable "alarm_topics" {
  description = "Topics that learn when nobody can join."
  type        = list(string)
  default     = []
}
