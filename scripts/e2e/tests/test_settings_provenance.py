"""A plan refuses settings of `provenance` that break a rule, and says what to do."""

from __future__ import annotations

from ..offline import Offline
from .settings_cases import Case, check, rules

FOLDERS = "`provenance.prefixes` must contain folders such as `incoming/`"
RESERVED = (
    "`provenance.prefixes` contains a prefix under `provenance/`, `operator/`, `journal/`, `ledger/` or `_sluice/`"
)
DATA_FOLDERS = "`provenance.data_bucket.folders` must contain folders such as `processed/`"
LOCK = '`provenance.receipts_bucket.object_lock` must be { mode = "GOVERNANCE" or "COMPLIANCE", days = 1 to 36500 }.'
DAYS = "`provenance.trail.retention_days` and `provenance.athena.results_days` must be at least 1."
PRINCIPALS = "must contain ARNs of users, roles or accounts"
WATCH = "`provenance.watch` may contain only the buckets of the other systems of this deployment"
WATCHED_PREFIX = "`provenance.watch` cannot watch a prefix under `provenance/`, `operator/`, `journal/` or `ledger/`"
LONG_PROJECT = "a-project-with-a-name-of-29"


def case(faults: list[str], settings: dict, **more: object) -> Case:
    return Case(faults, "provenance", settings, **more)


def same(kind: str, *attributes: str) -> str:
    named = " and ".join(f"`provenance.{attribute}`" for attribute in attributes)
    return f"two resources of kind {kind} have the same name: set different names in {named}."


def buckets(prefix: str) -> dict:
    """Buckets of `ingest`, as `modules/deployment` passes them."""
    common = {"prefixes": [prefix], "encrypted": False}
    return {"buckets": {name: common | {"bucket": f"{name}-files"} for name in ("ingest", "quarantine")}}


CASES = [
    # Each of these prefixes would cause a loop.
    *[
        case([RESERVED], {"prefixes": prefixes})
        for prefixes in (["incoming/", "provenance/"], ["ledger/in"], ["journal"], ["operator/"], ["_sluice/in"])
    ],
    *[case([FOLDERS], {"prefixes": prefixes}) for prefixes in ([""], [], ["/incoming"], ["in*/"], ["in' OR '1"])],
    case(["`provenance.prefixes` contains a prefix twice"], {"prefixes": ["incoming", "incoming/"]}),
    case([DATA_FOLDERS], {"data_bucket": {"folders": ["processed/", "/test"]}}),
    case([DATA_FOLDERS], {"data_bucket": {"folders": ["ledger/"]}}),
    # Watched buckets.
    case([f"{WATCH}: there are none, set `ingest` too."], {"watch_ingest": True}),
    case([f"{WATCH}: `ingest`, `quarantine`."], {"watch": ["ingest", "lake"]}, more=buckets("in/")),
    case([WATCHED_PREFIX], {"watch": ["quarantine"]}, more=buckets("ledger/in/")),
    # In a shared bucket, lifecycle and lock settings apply to receipts too.
    case(
        ["`provenance.data_bucket.expire_noncurrent_days` must be at least 15, or null"],
        {"data_bucket": {"expire_noncurrent_days": 14}},
    ),
    case(
        ["`provenance.data_bucket.expire_noncurrent_days` would also expire noncurrent receipts"],
        {"data_bucket": {"expire_noncurrent_days": 30}, "receipts_bucket": {"in_data_bucket": True}},
    ),
    case(
        ["`provenance.receipts_bucket` sets both `in_data_bucket` and `name`"],
        {"receipts_bucket": {"in_data_bucket": True, "name": "receipts"}},
    ),
    case(
        ["`provenance.receipts_bucket.force_destroy` has no effect with `in_data_bucket`"],
        {"receipts_bucket": {"in_data_bucket": True, "force_destroy": True}},
    ),
    case(
        ["`provenance.receipts_bucket.object_lock` would also lock every object of the data bucket"],
        {"receipts_bucket": {"in_data_bucket": True, "object_lock": {"mode": "GOVERNANCE", "days": 30}}},
    ),
    *[
        case([LOCK], {"receipts_bucket": {"object_lock": lock}})
        for lock in (
            {"mode": "governance", "days": 30},
            {"mode": "GOVERNANCE", "days": 0},
            {"mode": "COMPLIANCE", "days": 36501},
            {"mode": "GOVERNANCE"},
            {"days": 1},
            {},
        )
    ],
    case(
        ["`provenance.receipts_bucket.force_destroy` cannot delete objects that are locked in COMPLIANCE mode"],
        {"receipts_bucket": {"force_destroy": True, "object_lock": {"mode": "COMPLIANCE", "days": 30}}},
    ),
    # Limits.
    case(["`provenance.receipts_bucket.journal_days` must be at least 3"], {"receipts_bucket": {"journal_days": 2}}),
    case([DAYS], {"trail": {"retention_days": 0}}),
    case([DAYS], {"athena": {"results_days": 0}}),
    case(["`provenance.athena.scan_limit_mib` must be at least 10"], {"athena": {"scan_limit_mib": 9}}),
    *[case(["`provenance.timeout_s` must be between 60 and 900"], {"timeout_s": timeout}) for timeout in (59, 901)],
    *[case(["`provenance.memory_mb` must be between 128 and 10240"], {"memory_mb": size}) for size in (127, 10241)],
    *[case(["`provenance.batch_size` must be between 1 and 10000"], {"batch_size": size}) for size in (0, 10001)],
    *[case(["`provenance.max_concurrency` must be between 2 and 1000"], {"max_concurrency": n}) for n in (1, 1001)],
    # Values.
    case(["`provenance.encryption` must be `sse-s3` or `sse-kms`."], {"encryption": "kms"}),
    *[
        case([f"`provenance.{role}_principals` {PRINCIPALS}"], {f"{role}_principals": [principal]})
        for role, principal in (
            ("auditor", "arn:aws:iam::111122223333:role/*"),
            ("operator", "*"),
            # Sessions are temporary: the principal is the role.
            ("uploader", "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_X/ada"),
        )
    ],
]

NAME_CASES = [
    case(
        [same("bucket", "data_bucket.name", "trail.bucket_name")],
        {"data_bucket": {"name": "caa304"}, "trail": {"bucket_name": "caa304"}},
    ),
    # Receipts in the data bucket must be requested with `in_data_bucket`, not by using the same name.
    case(
        [same("bucket", "data_bucket.name", "receipts_bucket.name")],
        {"data_bucket": {"name": "caa304-raw"}, "receipts_bucket": {"name": "caa304-raw"}},
    ),
    case(
        [same("bucket", "athena.bucket_name", "trail.bucket_name")],
        {"trail": {"bucket_name": "sluice-dev-queries-eu-central-1-111122223333"}},
    ),
    # The function that writes receipts must not have the role that signs manifests.
    case(
        [same("role", "names.function_role", "names.ledger_role")], {"names": {"ledger_role": "sluice-dev-provenance"}}
    ),
    case(
        [same("function", "names.function", "names.ledger_function")],
        {"names": {"ledger_function": "sluice-dev-provenance"}},
    ),
    case([same("rule", "names.rule", "names.schedule")], {"names": {"schedule": "sluice-dev-provenance"}}),
    case(["the bucket name `logs.example` with 12 characters"], {"trail": {"bucket_name": "logs.example"}}),
    case(["the database name `caa304-prod`"], {"names": {"database": "caa304-prod"}}),
    case(["the workgroup name `my workgroup`"], {"names": {"workgroup": "my workgroup"}}),
    case(["the trail name `t`"], {"names": {"trail": "t"}}),
    case(["the key alias name `alias/my key`"], {"names": {"signing_key": "my key"}}),
    case(["the rule name `each hour`"], {"names": {"schedule": "each hour"}}),
    case(
        [f"the queue name `{'q' * 62}` with 62 characters is not valid, it must have 1 to 61"],
        {"names": {"queue": "q" * 62}},
    ),
    # The rule of a watched bucket has a suffix.
    case(
        [f"the rule name `{'r' * 60}-ingest` with 67 characters"],
        {"watch": ["ingest"], "names": {"rule": "r" * 60}},
        more=buckets("in/"),
    ),
    case(
        [
            f"the bucket name `{LONG_PROJECT}-dev-{component}-eu-central-1-111122223333` with"
            for component in ("receipts", "queries")
        ],
        {},
        name=f"{LONG_PROJECT}-dev",
    ),
]


def test_every_rule_has_a_case() -> None:
    faults = [fault for one in CASES for fault in one.faults]
    found = rules("provenance")
    assert len(found) > 15
    assert [rule for rule in found if not any(text.startswith(rule) or rule.startswith(text) for text in faults)] == []


def test_a_broken_rule_is_refused(settings_only: Offline) -> None:
    check(settings_only, "provenance-rules", CASES)


def test_a_name_that_aws_does_not_accept_is_refused(settings_only: Offline) -> None:
    check(settings_only, "provenance-names", NAME_CASES)


def test_values_at_the_limits_are_accepted(settings_only: Offline) -> None:
    most = {
        "data_bucket": {"expire_noncurrent_days": 15, "folders": []},
        "prefixes": ["provenance-of-wine/", "a/journal"],
        "receipts_bucket": {"object_lock": {"mode": "COMPLIANCE", "days": 36500}, "journal_days": 3},
        "athena": {"scan_limit_mib": 10, "results_days": 1},
        "trail": {"retention_days": 1},
        "memory_mb": 128,
        "timeout_s": 60,
        "batch_size": 10000,
        "max_concurrency": 2,
    }
    other = {
        "receipts_bucket": {"in_data_bucket": True, "force_destroy": True, "object_lock": None},
        "data_bucket": {"force_destroy": True, "expire_noncurrent_days": None},
        "watch": ["quarantine"],
        "watch_ingest": True,
        "memory_mb": 10240,
        "timeout_s": 900,
        "batch_size": 1,
        "max_concurrency": 1000,
    }
    check(settings_only, "provenance-limits", [case([], most), case([], other, more=buckets("in/"))])
