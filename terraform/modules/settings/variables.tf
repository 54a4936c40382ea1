variable "system" {
  description = "Name of the system's variable, for messages."
  type        = string
}

variable "written" {
  description = "The object as the user wrote it."
  type        = any
}

variable "settings" {
  description = "The same object, converted to the type of the system's variable, which drops attributes that the type does not have. The number of objects in its lists and maps must be known at plan. A type with sets of objects is not supported, because their elements have no index."
  type        = any
}

variable "former" {
  description = "Attributes of earlier versions: path without the name of the system, with `[]` for any index, to what replaces it."
  type        = map(string)
  default     = {}
}

variable "rules" {
  description = "Conditions by the message for the case that the condition is false. Each is checked on its own, so that a value that is unknown at plan hides no other fault."
  type        = map(bool)
  default     = {}
}

variable "names" {
  description = "Names of the resources that the system creates: their kind (`bucket`, `function`, …), and the attribute that overrides the default name, as a path without the name of the system."
  type        = map(object({ kind = string, name = string, attribute = string }))
  default     = {}
}
