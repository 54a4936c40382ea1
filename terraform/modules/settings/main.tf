# Checks the object of a system before anything is planned with it: unknown attributes, names, and the system's rules.

module "rule" {
  source = "./rule"
  for_each = merge(
    { "known attributes" = { valid = length(local.unknown_messages) == 0, message = join("\n", local.unknown_messages) } },
    { for message, valid in var.rules : message => { valid = valid, message = message } },
    local.common_rules,
    local.name_rules,
    local.same_name_rules,
  )

  valid   = each.value.valid
  message = each.value.message
}
