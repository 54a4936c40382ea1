# Advisory checks: warn, never block.

check "provenance_has_an_auditor_role" {
  assert {
    condition     = length(var.settings.auditor_principals) > 0
    error_message = "`provenance.auditor_principals` is empty, so no auditor role is created: `sluice verify` and Athena queries need permissions from elsewhere."
  }
}

check "provenance_has_an_operator_role" {
  assert {
    condition     = length(var.settings.operator_principals) > 0
    error_message = "`provenance.operator_principals` is empty, so no role is created for `sluice provenance backfill`, which completes deferred and missing receipts."
  }
}
