# Attributes that are written and not known, at every depth.

locals {
  # Terraform has no recursion, so each level of nesting is one step: the members of every object, map and list of the
  # level above, by path. The keys are those of the type, which are known even if the value of an object is not; only the
  # number of objects in a list or map must be known. `written` is the same member as the user wrote it. Unlike an index,
  # `lookup` keeps the type of a member of an unknown object.
  level_0 = { "" = { parent = "", key = "", value = var.settings, written = var.written } }
  level_1 = merge([for path, entry in local.level_0 : { for key in nonsensitive(try(keys(entry.value), can(keys(entry.value[0])) ? range(length(entry.value)) : [])) : "${path}.${key}" => { parent = path, key = tostring(key), value = can(keys(entry.value)) ? lookup(entry.value, key, null) : entry.value[key], written = can(keys(entry.written)) ? lookup(entry.written, key, null) : can(entry.written[key]) ? entry.written[key] : null } }]...)
  level_2 = merge([for path, entry in local.level_1 : { for key in nonsensitive(try(keys(entry.value), can(keys(entry.value[0])) ? range(length(entry.value)) : [])) : "${path}.${key}" => { parent = path, key = tostring(key), value = can(keys(entry.value)) ? lookup(entry.value, key, null) : entry.value[key], written = can(keys(entry.written)) ? lookup(entry.written, key, null) : can(entry.written[key]) ? entry.written[key] : null } }]...)
  level_3 = merge([for path, entry in local.level_2 : { for key in nonsensitive(try(keys(entry.value), can(keys(entry.value[0])) ? range(length(entry.value)) : [])) : "${path}.${key}" => { parent = path, key = tostring(key), value = can(keys(entry.value)) ? lookup(entry.value, key, null) : entry.value[key], written = can(keys(entry.written)) ? lookup(entry.written, key, null) : can(entry.written[key]) ? entry.written[key] : null } }]...)
  level_4 = merge([for path, entry in local.level_3 : { for key in nonsensitive(try(keys(entry.value), can(keys(entry.value[0])) ? range(length(entry.value)) : [])) : "${path}.${key}" => { parent = path, key = tostring(key), value = can(keys(entry.value)) ? lookup(entry.value, key, null) : entry.value[key], written = can(keys(entry.written)) ? lookup(entry.written, key, null) : can(entry.written[key]) ? entry.written[key] : null } }]...)
  level_5 = merge([for path, entry in local.level_4 : { for key in nonsensitive(try(keys(entry.value), can(keys(entry.value[0])) ? range(length(entry.value)) : [])) : "${path}.${key}" => { parent = path, key = tostring(key), value = can(keys(entry.value)) ? lookup(entry.value, key, null) : entry.value[key], written = can(keys(entry.written)) ? lookup(entry.written, key, null) : can(entry.written[key]) ? entry.written[key] : null } }]...)
  level_6 = merge([for path, entry in local.level_5 : { for key in nonsensitive(try(keys(entry.value), can(keys(entry.value[0])) ? range(length(entry.value)) : [])) : "${path}.${key}" => { parent = path, key = tostring(key), value = can(keys(entry.value)) ? lookup(entry.value, key, null) : entry.value[key], written = can(keys(entry.written)) ? lookup(entry.written, key, null) : can(entry.written[key]) ? entry.written[key] : null } }]...)
  level_7 = merge([for path, entry in local.level_6 : { for key in nonsensitive(try(keys(entry.value), can(keys(entry.value[0])) ? range(length(entry.value)) : [])) : "${path}.${key}" => { parent = path, key = tostring(key), value = can(keys(entry.value)) ? lookup(entry.value, key, null) : entry.value[key], written = can(keys(entry.written)) ? lookup(entry.written, key, null) : can(entry.written[key]) ? entry.written[key] : null } }]...)

  entries = merge(local.level_0, local.level_1, local.level_2, local.level_3, local.level_4, local.level_5, local.level_6, local.level_7)
  objects = { for path, entry in local.entries : path => { known = nonsensitive(keys(entry.value)), written = entry.written } if nonsensitive(can(keys(entry.value))) }

  # Paths as they are written in Terraform (`parties[0].name`), and without the index (`parties[].name`).
  shown   = { for path in keys(local.entries) : path => "${var.system}${replace(path, "/\\.([0-9]+)/", "[$1]")}" }
  pattern = { for path in keys(local.entries) : path => trimprefix("${replace(path, "/\\.[0-9]+/", "[]")}.", ".") }

  # What a name consists of, upper or lower case: its letters and its pairs of adjacent letters. Two names are alike if
  # they share many of them (the Dice coefficient).
  names  = { for key in distinct(values(local.entries)[*].key) : key => lower(replace(key, "-", "_")) }
  pieces = { for key, name in local.names : key => toset(concat(split("", name), [for i in range(length(name) + 1) : substr("^${name}$", i, 2)])) }

  # One list for each object, so that an object whose attributes are not known before the apply hides no other fault.
  unknown = {
    for path, object in local.objects : path => [
      for key in sort(setsubtract(nonsensitive(try(keys(object.written), [])), object.known)) : {
        key    = key
        pieces = toset(concat(split("", lower(replace(key, "-", "_"))), [for i in range(length(key) + 1) : substr("^${lower(replace(key, "-", "_"))}$", i, 2)]))
      }
    ]
  }
  scored = {
    for path, attributes in local.unknown : path => [
      for attribute in attributes : {
        key       = attribute.key
        elsewhere = [for other, entry in local.entries : local.shown[other] if entry.key == attribute.key]
        scores = {
          for known in local.objects[path].known : known =>
          2 * length(setintersection(attribute.pieces, local.pieces[known])) / (length(attribute.pieces) + length(local.pieces[known]))
        }
      }
    ]
  }
  # The nearest attribute of the same object, and unless it is very near, one of the same name elsewhere.
  suggestions = {
    for path, attributes in local.scored : path => [
      for attribute in attributes : concat(
        [for known, score in attribute.scores : known if score >= 0.5 && score == max(values(attribute.scores)...)],
        [for other in attribute.elsewhere : other if max(0, values(attribute.scores)...) < 0.8],
      )
    ]
  }
  unknown_messages = {
    for path, attributes in local.scored : path => [
      for number, attribute in attributes : "`${local.shown[path]}.${attribute.key}` ${
        contains(keys(var.former), "${local.pattern[path]}${attribute.key}") ? "is not an attribute any more: ${var.former["${local.pattern[path]}${attribute.key}"]}." :
        length(local.suggestions[path][number]) > 0 ? "is not an attribute; did you mean ${join(" or ", [for name in local.suggestions[path][number] : "`${name}`"])}?" :
        "is not an attribute; `${local.shown[path]}` has ${join(", ", [for known in local.objects[path].known : "`${known}`"])}."
      }"
    ]
  }
}
