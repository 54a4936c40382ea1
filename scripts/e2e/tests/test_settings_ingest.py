"""A plan refuses settings of `ingest` that break a rule, and says what to do."""

from __future__ import annotations

from ..offline import Offline
from .settings_cases import SCHEMAS, Case, check, ingest, rules

PREFIX = "`ingest.prefix` must be a folder such as `incoming/`: no leading slash, no empty segment"
SCHEMA_REF = "`ingest.schema_file` has a `$ref` to another document"
RETENTION = (
    "`ingest.quarantine_bucket` needs `expire_noncurrent_days` of at least 1 and `retention_days` of at least 15"
)
PRINCIPALS = "must contain ARNs of users, roles or accounts"
SAME_BUCKET = (
    "two resources of kind bucket have the same name: set different names in `ingest.processing_bucket.name` and "
    "`ingest.quarantine_bucket.name`."
)
LONG_PROJECT = "a-project-with-a-name-of-29"


def case(faults: list[str], settings: dict, **more: str) -> Case:
    return Case(faults, "ingest", settings, **more)


CASES = [
    # What must be given.
    case(
        [
            "`ingest.table.hash_key` is not given: name the attribute",
            "`ingest.table.range_key` is not given: name the attribute",
            "`ingest.schema_file` is not given: set the path of a JSON Schema",
        ],
        {},
    ),
    case(["`ingest.table.hash_key` is empty: name an attribute."], ingest(table={"hash_key": "", "range_key": "Line"})),
    case(
        ["`ingest.table.range_key` is the same as the hash key"],
        ingest(table={"hash_key": "OrderID", "range_key": "OrderID"}),
    ),
    case(["neither key of `ingest.table` may be `_source`"], ingest(table={"range_key": "_source"})),
    case(["neither key of `ingest.table` may be `_source`"], ingest(table={"hash_key": "_source"})),
    # The schema.
    case(["`ingest.schema_file` does not exist or is not a file"], ingest(schema_file=f"{SCHEMAS}/none.json")),
    case(["`ingest.schema_file` does not exist or is not a file"], ingest(schema_file=SCHEMAS)),
    case(["`ingest.schema_file` is not a valid JSON object"], ingest(schema_file="../../tests/package.txt")),
    case(["`ingest.schema_file` is not a valid JSON object"], ingest(schema_file=f"{SCHEMAS}/list.json")),
    case([SCHEMA_REF], ingest(schema_file=f"{SCHEMAS}/remote.json")),
    case([SCHEMA_REF], ingest(schema_file=f"{SCHEMAS}/remote_escaped.json")),
    case(
        ["`ingest.schema_file` defines an attribute `_source`"],
        ingest(schema_file=f"{SCHEMAS}/source.json"),
    ),
    case(
        ["`ingest.schema_file` describes attributes as plain JSON, so it would accept no file"],
        ingest(schema_file=f"{SCHEMAS}/plain.json"),
    ),
    # Regions and folders.
    case(
        ["`ingest.table.replica_regions` contains the Region of the deployment"],
        ingest(table={"replica_regions": ["us-east-2", "eu-central-1"]}),
    ),
    case(["`ingest.table.replica_regions` must contain Region codes"], ingest(table={"replica_regions": ["ohio"]})),
    *[case([PREFIX], ingest(prefix=prefix)) for prefix in ("/incoming", "a//b", "in*/", "$${aws:username}/", "a b")],
    case(["`ingest.prefix` is under the reserved prefix `_sluice/`"], ingest(prefix="_sluice/in")),
    # Limits.
    case(
        ["`ingest.max_object_mib` must be between 1 and 1280", "`ingest.memory_mb` must be at least eight times"],
        ingest(max_object_mib=1281, memory_mb=10240),
    ),
    case(["`ingest.max_object_mib` must be between 1 and 1280"], ingest(max_object_mib=0)),
    case(["`ingest.memory_mb` must be at least eight times"], ingest(max_object_mib=65)),
    case(["`ingest.memory_mb` must be between 128 and 10240"], ingest(memory_mb=127)),
    case(["`ingest.memory_mb` must be between 128 and 10240"], ingest(memory_mb=10241)),
    *[case(["`ingest.timeout_s` must be between 3 and 900"], ingest(timeout_s=timeout)) for timeout in (2, 901)],
    *[case(["`ingest.batch_size` must be between 1 and 10000"], ingest(batch_size=size)) for size in (0, 10001)],
    *[
        case(["`ingest.max_concurrency` must be between 2 and 1000"], ingest(max_concurrency=number))
        for number in (1, 1001)
    ],
    case(
        ["`ingest.processing_bucket.expire_noncurrent_days` must be at least 15"],
        ingest(processing_bucket={"expire_noncurrent_days": 14}),
    ),
    case([RETENTION], ingest(quarantine_bucket={"retention_days": 14})),
    case([RETENTION], ingest(quarantine_bucket={"expire_noncurrent_days": 0})),
    # Values.
    case(["`ingest.notify_on` may contain only stored, "], ingest(notify_on=["invalid", "broken"])),
    case(
        ["`ingest.notify_emails` contains a value that is not a valid email address"],
        ingest(notify_emails=["music@example.org", "music"]),
    ),
    case(
        [f"`ingest.uploader_principals` {PRINCIPALS}"],
        ingest(uploader_principals=["arn:aws:sts::111122223333:assumed-role/a/b"]),
    ),
    case([f"`ingest.operator_principals` {PRINCIPALS}"], ingest(operator_principals=["*"])),
    case(
        [f"`ingest.operator_principals` {PRINCIPALS}"],
        ingest(operator_principals=["arn:aws:iam::111122223333:role/team-*"]),
    ),
    case(["`ingest.encryption` must be `sse-s3` or `sse-kms`."], ingest(encryption="aes256")),
]

NAME_CASES = [
    case([SAME_BUCKET], ingest(processing_bucket={"name": "files-bucket"}, quarantine_bucket={"name": "files-bucket"})),
    # In us-east-1 S3 answers the second creation of a bucket with 200; here one has the default name of the other.
    case([SAME_BUCKET], ingest(processing_bucket={"name": "sluice-dev-quarantine-eu-central-1-111122223333"})),
    case(["the bucket name `Files` with 5 characters"], ingest(processing_bucket={"name": "Files"})),
    case(["the bucket name `files.example` with 13 characters"], ingest(quarantine_bucket={"name": "files.example"})),
    case(["the table name `event pulse` with 11 characters"], ingest(table={"name": "event pulse"})),
    case([f"the function name `{'f' * 65}` with 65 characters"], ingest(names={"function": "f" * 65})),
    case(["the queue name `my.queue` with 8 characters"], ingest(names={"queue": "my.queue"})),
    # The name of the queue fits, that of its dead-letter queue does not.
    case(
        [f"the queue name `{'q' * 62}` with 62 characters is not valid, it must have 1 to 61"],
        ingest(names={"queue": "q" * 62}),
    ),
    case(["the topic name `my.topic`"], ingest(names={"topic": "my.topic"})),
    case(["the rule name `my rule`"], ingest(names={"rule": "my rule"})),
    case(["the role name `my role`"], ingest(names={"function_role": "my role"})),
    case(["the user name `my user`"], ingest(uploader_user="my user")),
    case([f"the user name `{'u' * 65}` with 65 characters"], ingest(uploader_user="u" * 65)),
    case(
        [
            "two resources of kind role have the same name: set different names in "
            "`ingest.names.operator_role` and `ingest.names.uploader_role`."
        ],
        ingest(names={"uploader_role": "people", "operator_role": "people"}),
    ),
    # Project and environment are too long for the default names of the buckets, unless the buckets have other names.
    case(
        [
            f"the bucket name `{LONG_PROJECT}-dev-processing-eu-central-1-111122223333` with 68 characters is "
            "not valid, it must have 3 to 63 lower-case letters, digits and hyphens (a dot would break TLS "
            "connections): set `ingest.processing_bucket.name`, or shorten `project` or `environment` for the "
            "default name.",
            f"the bucket name `{LONG_PROJECT}-dev-quarantine-eu-central-1-111122223333` with 68",
        ],
        ingest(),
        name=f"{LONG_PROJECT}-dev",
    ),
    case(
        [],
        ingest(processing_bucket={"name": "files-in"}, quarantine_bucket={"name": "files-out"}),
        name=f"{LONG_PROJECT}-dev",
    ),
]


def test_every_rule_has_a_case() -> None:
    faults = [fault for one in CASES for fault in one.faults]
    found = rules("ingest")
    assert len(found) > 15
    assert [rule for rule in found if not any(text.startswith(rule) or rule.startswith(text) for text in faults)] == []


def test_a_broken_rule_is_refused(settings_only: Offline) -> None:
    check(settings_only, "ingest-rules", CASES)


def test_a_name_that_aws_does_not_accept_is_refused(settings_only: Offline) -> None:
    check(settings_only, "ingest-names", NAME_CASES)


def test_values_at_the_limits_are_accepted(settings_only: Offline) -> None:
    most = ingest(
        processing_bucket={"expire_noncurrent_days": 15},
        quarantine_bucket={"expire_noncurrent_days": 1, "retention_days": 15},
        max_object_mib=1280,
        memory_mb=10240,
        timeout_s=900,
        batch_size=10000,
        max_concurrency=1000,
        notify_on=[],
        names={"queue": "q" * 61, "function": "f" * 64},
        uploader_principals=["arn:aws:iam::111122223333:root"],
    )
    least = ingest(max_object_mib=1, memory_mb=128, timeout_s=3, batch_size=1, max_concurrency=2, prefix="in/music")
    check(settings_only, "ingest-limits", [case([], most), case([], least), case([], ingest(prefix="a/_sluice/"))])
