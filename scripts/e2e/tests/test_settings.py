"""A misspelt attribute at any depth of a system's object is refused at plan, with its path and the right name."""

from __future__ import annotations

import pytest

from ..offline import Offline
from . import settings_types as types
from .settings_cases import Case, check, ingest

SYSTEMS = ("ingest", "provenance")
VALUES = """
resource "terraform_data" "text" {
  input = "some-name"
}
resource "terraform_data" "role" {
  input = "arn:aws:iam::111122223333:role/one"
}
resource "terraform_data" "emails" {
  input = ["ops@example.org"]
}
resource "terraform_data" "lock" {
  input = { mode = "GOVERNANCE", days = 1 }
}
resource "terraform_data" "json" {
  input = "{}"
}
"""
TEXT, ROLE, EMAILS = (f"${{terraform_data.{name}.output}}" for name in ("text", "role", "emails"))
LOCK, JSON = "${terraform_data.lock.output}", "${jsondecode(terraform_data.json.output)}"


def typos(settings_only: Offline, name: str, cases: list[Case]) -> list[str]:
    """The lines of all errors."""
    modules = {f"case_{number}": case.call() for number, case in enumerate(cases)}
    found = settings_only.plan(name, modules, VALUES, provider="").errors()
    return [line for error in found for line in error.splitlines()]


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_attribute_is_read_from_the_type(settings_only: Offline, system: str) -> None:
    """The paths are those of the value that Terraform makes of the complete object, which is accepted."""
    planned = settings_only.plan(
        f"{system}-complete",
        {"one": Case([], system, types.complete(system)).call()},
        'output "settings" {\n  value = module.one.settings\n}\n',
        provider="",
    )
    assert planned.errors() == []
    value = planned.show()["planned_values"]["outputs"]["settings"]["value"]

    def paths(value: object, path: types.Path) -> list[types.Path]:
        members = value.items() if isinstance(value, dict) else []
        return [found for key, member in members for found in [(*path, key), *paths(member, (*path, key))]]

    assert sorted(paths(value, ())) == sorted(types.attributes(system))
    assert len(max(types.attributes(system), key=len)) == {"ingest": 2, "provenance": 3}[system]


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_misspelling_next_to_good_values_is_refused(settings_only: Offline, system: str) -> None:
    found = typos(settings_only, f"{system}-next-to", [Case([], system, types.next_to(system))])
    expected = [types.message(system, path, other) for path, other in types.misspelt(system)]
    assert len(expected) > 3 * len(types.attributes(system))
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_attribute_misspelt_alone_is_refused(settings_only: Offline, system: str) -> None:
    """Then required attributes are missing too; the misspelling is reported all the same."""
    several = list(types.misspelt(system))
    chosen = {path: [other for of, other in several if of == path] for path in types.attributes(system)}
    pairs = [(path, others[number % len(others)]) for number, (path, others) in enumerate(chosen.items())]
    cases = [Case([], system, types.instead(system, path, other)) for path, other in pairs]
    found = typos(settings_only, f"{system}-alone", cases)
    expected = [types.message(system, path, other) for path, other in pairs]
    assert sorted(line for line in found if "is not an attribute" in line) == sorted(expected)


def test_former_attributes_say_what_replaced_them(settings_only: Offline) -> None:
    versioning = "is not an attribute any more: versioning is always enabled; remove it."
    region = "is not an attribute any more: a deployment has one Region, that of the provider; remove it."
    bucket = {"versioning": True, "region": "eu-central-1"}
    old = ingest(processing_bucket=bucket, quarantine_bucket=bucket, table={"billing_mode": "PROVISIONED"})
    found = typos(settings_only, "former", [Case([], "ingest", old), Case([], "provenance", {"data_bucket": bucket})])
    buckets = ("ingest.processing_bucket", "ingest.quarantine_bucket", "provenance.data_bucket")
    assert sorted(found) == sorted(
        [
            *(f"`{name}.versioning` {versioning}" for name in buckets),
            *(f"`{name}.region` {region}" for name in buckets),
            "`ingest.table.billing_mode` is not an attribute any more: billing is always on demand; remove it.",
        ]
    )


def test_an_attribute_at_the_wrong_depth_names_its_path(settings_only: Offline) -> None:
    lock = {"mode": "GOVERNANCE", "days": 1}
    cases = [
        Case([], "ingest", ingest(retention_days=20, function="mine", processing_bucket={"replica_regions": []})),
        Case([], "provenance", {"object_lock": lock, "trail": {"scan_limit_mib": 10}, "something": 1}),
        Case([], "provenance", {"receipts_bucket": {"object_lock": lock | {"dayz": 3}}, "days": 3}),
    ]
    members = ", ".join(f"`{path[0]}`" for path in sorted(types.attributes("provenance")) if len(path) == 1)
    assert sorted(typos(settings_only, "depth", cases)) == sorted(
        [
            "`ingest.retention_days` is not an attribute; did you mean `ingest.quarantine_bucket.retention_days`?",
            "`ingest.function` is not an attribute; did you mean `encryption` or `ingest.names.function`?",
            "`ingest.processing_bucket.replica_regions` is not an attribute; did you mean "
            "`ingest.table.replica_regions`?",
            "`provenance.object_lock` is not an attribute; did you mean `provenance.receipts_bucket.object_lock`?",
            "`provenance.days` is not an attribute; did you mean `provenance.receipts_bucket.object_lock.days`?",
            "`provenance.trail.scan_limit_mib` is not an attribute; did you mean `provenance.athena.scan_limit_mib`?",
            f"`provenance.something` is not an attribute; `provenance` has {members}.",
            "`provenance.receipts_bucket.object_lock.dayz` is not an attribute; did you mean `days`?",
        ]
    )


def test_values_that_are_unknown_at_plan_are_accepted(settings_only: Offline) -> None:
    texts = {"processing_bucket": {"name": TEXT}, "names": {"function": TEXT, "queue": TEXT}}
    lists = {"notify_emails": EMAILS, "uploader_principals": [ROLE], "notify_on": EMAILS}
    cases = [
        Case([], "ingest", ingest(**texts, **lists)),
        Case([], "ingest", ingest(processing_bucket=JSON)),
        Case([], "provenance", {"receipts_bucket": {"object_lock": LOCK}, "data_bucket": {"name": TEXT}}),
        Case([], "provenance", {"receipts_bucket": {"object_lock": JSON}, "auditor_principals": JSON, "trail": JSON}),
    ]
    check(settings_only, "unknown", cases, VALUES)


def test_an_unknown_value_hides_no_other_fault(settings_only: Offline) -> None:
    cases = [
        Case(
            [
                "`ingest.memory_bm` is not an attribute; did you mean `memory_mb`?",
                "`ingest.table.nme` is not an attribute; did you mean `name`?",
                "`ingest.timeout_s` must be between 3 and 900",
                "`ingest.operator_principals` must contain ARNs",
                "two resources of kind role have the same name: set different names in `ingest.names.operator_role` "
                "and `ingest.names.uploader_role`.",
            ],
            "ingest",
            ingest(
                processing_bucket=JSON,
                quarantine_bucket={"name": TEXT},
                table={"nme": TEXT, "name": TEXT},
                memory_bm=TEXT,
                timeout_s=1,
                uploader_principals=[ROLE],
                operator_principals=["*"],
                names={"function_role": TEXT, "uploader_role": "people", "operator_role": "people"},
            ),
        ),
        Case(
            [
                "`provenance.receipts_bucket.object_lock.dayz` is not an attribute; did you mean `days`?",
                "`provenance.receipts_bucket.forcedestroy` is not an attribute; did you mean `force_destroy`?",
                "`provenance.memory_mb` must be between 128 and 10240",
                "`provenance.receipts_bucket.object_lock` must be",  # `days` is missing
                "the bucket name `A` with 1 characters",
            ],
            "provenance",
            {
                "receipts_bucket": {"object_lock": {"mode": TEXT, "dayz": 1}, "forcedestroy": True},
                "data_bucket": {"name": TEXT},
                "trail": {"bucket_name": "A"},
                "athena": JSON,
                "memory_mb": 1,
            },
        ),
    ]
    check(settings_only, "unknown-faults", cases, VALUES)


def test_a_value_of_another_type_is_refused(settings_only: Offline) -> None:
    cases = [Case([], "ingest", ingest(memory_mb="much")), Case([], "provenance", {"trail": ["logs"]})]
    found = " ".join(typos(settings_only, "other-type", cases))
    assert "a number is required" in found and "object required" in found
