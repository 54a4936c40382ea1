# Checks the object of a system before anything is planned with it: unknown attributes, names, and the system's rules.

module "rule" {
  source = "./rule"
  for_each = merge(
    { for path, messages in local.unknown_messages : "attributes of ${local.shown[path]}" => { valid = length(messages) == 0, message = join("\n", messages) } },
    { "depth" = { valid = !anytrue([for entry in values(local.level_7) : can(keys(entry.value))]), message = "`${var.system}` is nested more than seven levels deep, where attributes cannot be checked." } },
    { for message, valid in var.rules : message => { valid = valid, message = message } },
    local.common_rules,
    local.name_rules,
    local.same_name_rules,
  )

  valid   = each.value.valid
  message = each.value.message
}
