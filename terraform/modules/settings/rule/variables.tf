variable "valid" {
  description = "Whether the rule holds. A value that is unknown at plan is checked by the apply."
  type        = bool
}

variable "message" {
  description = "The error if the rule does not hold: what is wrong and what to do."
  type        = string
}
