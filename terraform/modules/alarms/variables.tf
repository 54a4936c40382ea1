variable "name" {
  description = "First part of every alarm's name."
  type        = string
}

variable "topic_arn" {
  description = "Where alarms go; its policy lets in alarms of the deployment's name."
  type        = string
}

variable "alarms" {
  description = "Each is one sentence about what a person should look at; silence is no news unless it says so."
  type = map(object({
    description        = string
    namespace          = string
    metric             = string
    statistic          = string
    dimensions         = map(string)
    threshold          = number
    comparison         = optional(string, "GreaterThanThreshold")
    period_s           = optional(number, 300)
    periods            = optional(number, 1)
    treat_missing_data = optional(string, "notBreaching")
  }))
}

variable "error_rates" {
  description = "Functions whose runs may fail now and then, by the alarm's name."
  type        = map(object({ function = string, log_group = string }))
  default     = {}
}
