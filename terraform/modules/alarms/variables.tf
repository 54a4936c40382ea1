variable "name" {
  description = "First part of every alarm name."
  type        = string
}

variable "topic_arn" {
  description = "ARN of the SNS topic for alarms; its policy allows alarms whose names start with the deployment's name."
  type        = string
}

variable "alarms" {
  description = "Metric alarms by name. `description` says what happened and what to do. Missing data is not breaching by default."
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
  description = "Lambda functions to monitor for a failure rate above 5 %, by alarm name."
  type        = map(object({ function = string, log_group = string }))
  default     = {}
}
