# Advisory checks: warn, never block.

check "alarm_emails_are_set" {
  assert {
    condition     = length(var.alarm_emails) > 0
    error_message = "`alarm_emails` is empty: alarms are published to ${module.alarm_topic.arn}, which has no subscribers. Add an address or subscribe to the topic."
  }
}

check "subscriptions_are_confirmed" {
  assert {
    condition     = length(local.pending_emails) == 0
    error_message = "email subscriptions are not confirmed: ${join(", ", local.pending_emails)}. Follow the link that AWS sent to each address; until then nothing is delivered."
  }
}

check "packages_have_an_architecture" {
  assert {
    condition     = alltrue([for name in local.required_packages : try(local.packages[name].architecture, null) != null])
    error_message = "`lambda_packages` has no `architecture` for ${join(", ", [for name in local.required_packages : "`${name}`" if try(local.packages[name].architecture, null) == null])}, so the package cannot be compared with `architecture` (`${var.architecture}`): run `scripts/package` again, which writes it to the variables file."
  }
}

locals {
  pending_emails = distinct(concat(module.alarm_topic.pending_emails, flatten(module.ingest[*].pending_emails)))
}
