variable "name" {
  type = string
}

variable "actions" {
  type = list(string)
}

variable "grants" {
  type = object({
    queue = optional(object({ arn = string, prefix = optional(string, "jobs") }))
    topic = optional(object({ arn = string }))
  })
}

locals {
  queue = var.grants.queue
  statements = concat(
    local.queue == null ? [] : [{ Sid = "Queue${title(local.queue.prefix)}", Effect = "Allow", Action = var.actions, Resource = local.queue.arn }],
    var.grants.topic == null ? [] : [{ Sid = "Topic", Effect = "Allow", Action = "sns:Publish", Resource = var.grants.topic.arn }],
  )
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

resource "aws_iam_policy" "queue" {
  name   = "queue-${var.name}"
  policy = local.policy
}

output "policy" {
  value = local.policy
}
