"""What a plan of `modules/deployment` says about the settings of all systems together."""

from __future__ import annotations

from ..offline import ACCOUNT, Offline
from ..tfvars_example import EXAMPLE
from .settings_cases import Case, check, deployment, ingest

LONG = {"project": "sonotheia-example", "environment": "staging"}


def test_faults_of_both_systems_are_reported_together(offline: Offline) -> None:
    calls = {
        "one": deployment(
            ingest=ingest(table={"hash_kye": "x"}, memory_mb=1),
            provenance={"receipts_bucket": {"object_lock": {"dayz": 3, "mode": "GOVERNANCE", "days": 1}}},
        )
    }
    assert sorted(offline.plan("both", calls).errors()) == [
        "`ingest.memory_mb` must be at least eight times `ingest.max_object_mib`: lower `max_object_mib` (an item has "
        "at most 400 KB) or raise `memory_mb`.",
        "`ingest.memory_mb` must be between 128 and 10240, the limits of Lambda.",
        "`ingest.table.hash_kye` is not an attribute; did you mean `hash_key`?",
        "`provenance.receipts_bucket.object_lock.dayz` is not an attribute; did you mean `days`?",
    ]


def test_two_systems_with_one_name_are_refused(offline: Offline) -> None:
    """In us-east-1 S3 answers the second creation of a bucket with 200, so both would manage the same bucket."""
    calls = {
        "one": deployment(
            ingest=ingest(processing_bucket={"name": "files-bucket"}, names={"function_role": "worker"}),
            provenance={"data_bucket": {"name": "files-bucket"}, "names": {"ledger_role": "worker"}},
        )
    }
    [error] = offline.plan("across", calls).errors()
    assert error == (
        "two systems give the same name to two resources: bucket `files-bucket`, role `worker`. Set another name in "
        "one of them."
    )


def test_names_are_checked_with_the_real_lengths(offline: Offline, settings_only: Offline) -> None:
    """25 characters of project and environment fit in every name, but not in every Region."""
    assert offline.plan("long", {"one": deployment(ingest=ingest(), provenance={}, **LONG)}).errors() == []
    name = "-".join(LONG.values())
    buckets = ("processing", "quarantine")
    faults = [f"the bucket name `{name}-{bucket}-ap-southeast-1-111122223333` with 64 characters" for bucket in buckets]
    given = {f"{bucket}_bucket": {"name": f"{name}-{bucket}"} for bucket in buckets}
    far = {"name": name, "region": "ap-southeast-1"}
    cases = [
        Case(faults, "ingest", ingest(), **far),
        Case([], "ingest", ingest(**given), **far),
        Case([], "provenance", {}, **far),
    ]
    check(settings_only, "long-names", cases)


def test_the_example_variables_can_be_planned_unchanged(offline: Offline) -> None:
    """Its checks warn of missing roles; the plans with each further setting are Terraform tests (e2e.check)."""
    example = EXAMPLE.read_text().replace('"examples/', '"../../examples/')
    package = '{ path = "../../tests/package.txt", sha256 = filesha256("../../tests/package.txt") }'
    call = (
        f'source = "../../modules/deployment"\naccount_id = "{ACCOUNT}"\nlambda_packages = {{ ingest = {package} }}\n'
    )
    more = f'module "one" {{\n{call}{example}}}\n'
    planned = offline.plan("example", {}, more)
    assert planned.errors() == []
    assert {text.partition(",")[0] for text in planned.warnings()} >= {"`ingest.operator_principals` is empty"}
