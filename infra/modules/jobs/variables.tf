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

variable "image" {
  description = "Image of the service, by digest."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com/[a-z0-9/_.-]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must be in ECR and named by digest (…@sha256:…)."
  }
}

variable "command" {
  description = "Command where a run names no other."
  type        = list(string)
  default     = ["--help"]

  validation {
    condition     = length(var.command) > 0
    error_message = "command must hold at least one word."
  }
}

variable "cpu" {
  description = "CPU of a job in parts of 1024 of a vCPU."
  type        = number
  default     = 2048

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.cpu)
    error_message = "cpu must be 256, 512, 1024, 2048, 4096, 8192 or 16384: Fargate knows no other, and says so only when a task starts."
  }
}

variable "memory" {
  description = "Memory of a job, MiB."
  type        = number
  default     = 4096

  validation {
    condition = contains({
      256   = [512, 1024, 2048]
      512   = range(1024, 4097, 1024)
      1024  = range(2048, 8193, 1024)
      2048  = range(4096, 16385, 1024)
      4096  = range(8192, 30721, 1024)
      8192  = range(16384, 61441, 4096)
      16384 = range(32768, 122881, 8192)
    }[var.cpu], var.memory)
    error_message = "memory does not go with cpu: Fargate offers 2 to 8 GiB for each vCPU in whole GiB (0.5 to 2 GiB for a quarter), in steps of 4 GiB at 8 vCPU and 8 GiB at 16; the plan shows no fault."
  }
}

variable "policies" {
  description = "What a job may do in AWS: policies by name."
  type        = map(string)
  default     = {}
}

variable "log_kms_key_arn" {
  description = "Key of the logs."
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
