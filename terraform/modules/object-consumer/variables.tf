variable "deployment" {
  description = "Settings that all consumers of a deployment share."

  type = object({
    partition  = string
    region     = string
    account_id = string
  })
}

variable "name" {
  description = "First part of the alarm names."
  type        = string
}

variable "alarm_topic_arn" {
  description = "ARN of the SNS topic to which alarms publish."
  type        = string
}

variable "rule_name" {
  description = "Name of the EventBridge rules, to which the suffix of each source is added."
  type        = string
}

variable "queue_name" {
  description = "Name of the queue, at most 61 characters; its dead-letter queues are named `{queue_name}-dead-letters` and `{queue_name}-event-dead-letters`."
  type        = string
}

variable "sources" {
  description = "Buckets whose new objects are consumed, each with a suffix for the names of its rule and alarms. Without prefixes, the whole bucket except `_sluice/`. The buckets must send their events to EventBridge."
  type        = map(object({ bucket = string, prefixes = list(string), suffix = optional(string, "") }))
}

variable "function" {
  description = "The Lambda function that receives the events in batches and reports the failed messages of a batch; its role must allow `receive_statement`."
  type        = object({ name = string, arn = string, log_group = string, timeout_s = number })
}

variable "batch_size" {
  description = "Maximum number of events in an invocation, from 1 to 10000."
  type        = number
}

variable "max_concurrency" {
  description = "Maximum number of concurrent invocations, from 2 to 1000."
  type        = number
}

variable "commands" {
  description = "The commands that send dead letters to the queue again (`redrive`) and that replay lost events (`replay`), which the descriptions of the alarms name."
  type        = object({ redrive = string, replay = string })
}

variable "alarms" {
  description = "Further alarms of the same system, as in the module `alarms`."
  type        = any
  default     = {}
}
