# Attributes that are written and not known, at every depth.

locals {
  # Terraform has no recursion, so each level of nesting is one step: the members of every object, map and list of the
  # level above, by path. Types have the keys of objects whose values are unknown; an unknown list has no members.
  level_0 = { written = var.written, known = var.settings }
  level_1 = merge([for path, value in local.level_0 : { for key in nonsensitive(try(keys(value), can(keys(value[0])) ? range(length(value)) : [])) : "${path}.${key}" => value[key] }]...)
  level_2 = merge([for path, value in local.level_1 : { for key in nonsensitive(try(keys(value), can(keys(value[0])) ? range(length(value)) : [])) : "${path}.${key}" => value[key] }]...)
  level_3 = merge([for path, value in local.level_2 : { for key in nonsensitive(try(keys(value), can(keys(value[0])) ? range(length(value)) : [])) : "${path}.${key}" => value[key] }]...)
  level_4 = merge([for path, value in local.level_3 : { for key in nonsensitive(try(keys(value), can(keys(value[0])) ? range(length(value)) : [])) : "${path}.${key}" => value[key] }]...)
  level_5 = merge([for path, value in local.level_4 : { for key in nonsensitive(try(keys(value), can(keys(value[0])) ? range(length(value)) : [])) : "${path}.${key}" => value[key] }]...)
  level_6 = merge([for path, value in local.level_5 : { for key in nonsensitive(try(keys(value), can(keys(value[0])) ? range(length(value)) : [])) : "${path}.${key}" => value[key] }]...)
  level_7 = merge([for path, value in local.level_6 : { for key in nonsensitive(try(keys(value), can(keys(value[0])) ? range(length(value)) : [])) : "${path}.${key}" => value[key] }]...)

  paths   = flatten([for level in [local.level_1, local.level_2, local.level_3, local.level_4, local.level_5, local.level_6, local.level_7] : keys(level)])
  written = [for path in local.paths : trimprefix(path, "written") if startswith(path, "written.")]
  known   = [for path in local.paths : trimprefix(path, "known") if startswith(path, "known.")]
  parent  = { for path in distinct(concat(local.written, local.known)) : path => replace(path, "/\\.[^.]*$/", "") }
  key     = { for path in distinct(concat(local.written, local.known)) : path => regex("[^.]*$", path) }

  # Only the topmost unknown attribute is reported, without its members.
  unknown = [for path in setsubtract(local.written, local.known) : path if contains(concat([""], local.known), local.parent[path])]

  # Two names are alike if they share letters and pairs of adjacent letters (the Dice coefficient), upper or lower case.
  marked = { for key in distinct(values(local.key)) : key => "^${lower(replace(key, "-", "_"))}$" }
  pieces = { for key, text in local.marked : key => toset(concat(split("", lower(replace(key, "-", "_"))), [for i in range(length(text) - 1) : substr(text, i, 2)])) }
  likeness = {
    for path in local.unknown : path => {
      for known in local.known : local.key[known] =>
      2 * length(setintersection(local.pieces[local.key[path]], local.pieces[local.key[known]])) / (length(local.pieces[local.key[path]]) + length(local.pieces[local.key[known]]))
      if local.parent[known] == local.parent[path]
    }
  }
  nearest   = { for path, scores in local.likeness : path => [for key, score in scores : key if score == max(values(scores)...) && score >= 0.5] }
  elsewhere = { for path in local.unknown : path => [for known in local.known : known if local.key[known] == local.key[path]] }

  # Paths as they are written in Terraform (`parties[0].name`), and without the index (`parties[].name`).
  shown   = { for path in concat([""], keys(local.key)) : path => "${var.system}${replace(path, "/\\.([0-9]+)/", "[$1]")}" }
  pattern = { for path in local.unknown : path => trimprefix(replace(path, "/\\.[0-9]+/", "[]"), ".") }

  unknown_messages = [
    for path in local.unknown : "`${local.shown[path]}` ${
      contains(keys(var.former), local.pattern[path]) ? "is not an attribute any more: ${var.former[local.pattern[path]]}." :
      length(local.nearest[path]) > 0 ? "is not an attribute; did you mean `${local.nearest[path][0]}`?" :
      length(local.elsewhere[path]) > 0 ? "is not an attribute; did you mean `${local.shown[local.elsewhere[path][0]]}`?" :
      "is not an attribute; `${local.shown[local.parent[path]]}` has ${join(", ", [for key in sort(keys(local.likeness[path])) : "`${key}`"])}."
    }"
  ]
}
