"""Runs the SQL of the provenance module, as planned for Athena, over files in the layout of AWS and of the Lambdas."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..paths import ROOT
from ..sqlbuckets import DATA, RECEIPTS, TRAIL, UNUSUAL_KEY, at, deliver_edge_cases, deliver_events, write_receipts
from ..sqlengine import Engine, Row, hidden, locations
from ..sqlplan import Planned, Root
from ..sqlsamples import (
    ACCOUNT,
    NOW,
    REGION,
    SSO_ROLE,
    USER,
    deliver,
    event,
    receipt,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    return Root(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="module")
def planned(root: Root) -> Planned:
    return root.plan("alone")


@pytest.fixture(scope="module")
def engine(planned: Planned, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    buckets = tmp_path_factory.mktemp("s3") / "buckets"
    deliver_events(buckets)
    deliver_edge_cases(buckets)
    write_receipts(buckets)
    return Engine(planned, buckets, NOW)


@pytest.fixture(scope="module")
def events(engine: Engine) -> list[Row]:
    return engine.ask("SELECT * FROM cloudtrail_s3_events_flattened ORDER BY eventTime, event_id")


@pytest.fixture(scope="module")
def ledger(engine: Engine) -> dict[tuple[str, str], Row]:
    rows = engine.ask("SELECT * FROM provenance_ledger")
    found = {(row["object_key"], row["version_id"]): row for row in rows}
    assert len(found) == len(rows), "a version has one row"
    return found


def test_the_table_covers_every_day(planned: Planned) -> None:
    """A LOCATION of a single day would have no later events."""
    table = planned.tables["cloudtrail_logs"]
    assert table["storage_descriptor"][0]["location"] == f"s3://{TRAIL}/AWSLogs/{ACCOUNT}/CloudTrail/"
    partitions = list(locations(table, NOW))
    days = [partition["day"] for partition, _ in partitions]
    assert {partition["region"] for partition, _ in partitions} == {REGION}
    # From before the oldest log that is kept to tomorrow, without a gap.
    assert (days[0], days[-1], len(days)) == ("2025/11/22", "2026/11/24", 368)
    assert days == sorted(set(days))
    for partition, location in partitions:
        assert location == f"s3://{TRAIL}/AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{partition['day']}/"


def test_the_trail_logs_reads_and_writes_of_all_objects_and_not_its_own(planned: Planned) -> None:
    """Events of all objects in the data bucket, and writes in the receipts bucket; not the trail's own deliveries."""
    (trail,) = planned.trails
    assert trail["s3_bucket_name"] == TRAIL and trail["enable_log_file_validation"]
    used, changed = (
        {field["field"]: field["equals"] or field["starts_with"] for field in selector["field_selector"]}
        for selector in trail["advanced_event_selector"]
    )
    objects = {"eventCategory": ["Data"], "resources.type": ["AWS::S3::Object"]}
    assert used == objects | {"resources.ARN": [f"arn:aws:s3:::{DATA}/"]}  # no readOnly: both
    assert changed == objects | {"readOnly": ["false"], "resources.ARN": [f"arn:aws:s3:::{RECEIPTS}/"]}


def test_the_first_columns_are_as_required(planned: Planned, engine: Engine) -> None:
    names = [name for name, _ in engine.columns("cloudtrail_s3_events_flattened")]
    assert names[:5] == ["eventtime", "eventname", "user_arn", "bucket_name", "object_key"]


def test_declared_columns_are_those_of_the_queries(planned: Planned, engine: Engine) -> None:
    """Athena rejects a view whose declared types differ from those of its query."""
    athena = {"VARCHAR": "varchar", "BIGINT": "bigint", "BOOLEAN": "boolean"}
    hive = {"varchar": "string"}
    for name, view in planned.views.items():
        given = [(column, athena[kind]) for column, kind in engine.columns(name)]
        assert [(column["name"], column["type"]) for column in view["columns"]] == given
        assert view["glue"] == [(column, hive.get(kind, kind)) for column, kind in given]
        assert (view["catalog"], view["schema"]) == ("awsdatacatalog", "caa304_prod_provenance")


def test_named_queries_create_the_same_views(planned: Planned) -> None:
    for name, view in planned.views.items():
        assert planned.queries[name] == f"CREATE OR REPLACE VIEW {name} AS\n{view['originalSql']}\n"


def test_every_event_is_one_row(events: list[Row]) -> None:
    """Reads, denied requests and deletions too; a repeated event is one row; no other region, and no digest."""
    assert len(events) == 25
    assert len({row["event_id"] for row in events}) == 25
    assert {row["region"] for row in events} == {REGION}
    assert sum(row["read_only"] == "true" for row in events) == 2
    errors = [(row["eventName"], row["error_code"]) for row in events if row["error_code"]]
    assert sorted(errors) == [
        ("GetObject", "AccessDenied"),
        ("PutObject", "AccessDenied"),
        ("PutObject", "PreconditionFailed"),
    ]


def test_user_names(events: list[Row]) -> None:
    """A user of IAM Identity Center has a name, and the session shows whether MFA was used."""
    found = {(row["who"], row["user_arn"], row["user_type"], row["mfa"]) for row in events}
    assert found == {
        ("ada@example.org", f"arn:aws:sts::{ACCOUNT}:assumed-role/{SSO_ROLE}/ada@example.org", "AssumedRole", "true"),
        ("grace", f"arn:aws:iam::{ACCOUNT}:user/grace", "IAMUser", None),
        (
            "export-2026-11-23",
            f"arn:aws:sts::{ACCOUNT}:assumed-role/nightly-export/export-2026-11-23",
            "AssumedRole",
            "false",
        ),
        (
            "secure-provenance-lambda",
            f"arn:aws:sts::{ACCOUNT}:assumed-role/caa304-prod-provenance/secure-provenance-lambda",
            "AssumedRole",
            "false",
        ),
        (f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:root", "Root", None),
        ("anonymous", None, "AWSAccount", None),
        ("AIDAOTHERACCOUNT", None, "AWSAccount", None),
        ("logging.s3.amazonaws.com", None, "AWSService", None),
    }


def test_version_ids(events: list[Row]) -> None:
    def of(name: str, key: str | None) -> list[Row]:
        return [row for row in events if (row["eventName"], row["object_key"], row["bucket_name"]) == (name, key, DATA)]

    assert [row["version_id"] for row in of("PutObject", "incoming/a.csv")] == ["v1", "v2", None]
    assert [row["version_id"] for row in of("GetObject", "incoming/a.csv")] == ["v1", None]
    assert [row["version_id"] for row in of("DeleteObject", "incoming/a.csv")] == ["marker"]
    assert [row["version_id"] for row in of("DeleteObjects", None)] == [None]
    (copied,) = of("CopyObject", UNUSUAL_KEY)
    assert (copied["version_id"], copied["copied_from"]) == ("v4", "elsewhere/source.csv?versionId=s1")
    (form,) = of("PostObject", "incoming/form.png")
    assert (form["version_id"], form["bucket_name"]) == ("v5", DATA)


def test_an_upload_has_its_evidence_in_one_row(events: list[Row]) -> None:
    """Access, encryption with the key, and the event."""
    (row,) = [
        row for row in events if row["version_id"] == "v1" and row["bucket_name"] == DATA and not row["bytes_out"]
    ]
    assert (row["encryption"], row["kms_key"]) == ("aws:kms", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/one")
    assert (row["eventTime"], row["day"], row["bytes_in"]) == ("2026-11-23T09:00:00Z", "2026/11/23", 12)
    assert (row["source_ip"], row["user_agent"]) == ("203.0.113.7", "[aws-cli/2.31.0]")


def test_the_ledger_has_every_version_once(ledger: dict[tuple[str, str], Row]) -> None:
    """Overwrites, large files, copies and form uploads; only missing receipts and events are reported as such."""
    assert {version: (key, row["evidence"], row["state"]) for (key, version), row in ledger.items()} == {
        "v0": ("incoming/before-the-trail.csv", "receipt only", "hashed"),
        "v1": ("incoming/a.csv", "complete", "hashed"),
        "v2": ("incoming/a.csv", "complete", "hashed"),
        "v3": ("incoming/large.bin", "complete", "hashed"),
        "v4": (UNUSUAL_KEY, "complete", "hashed"),
        "v5": ("incoming/form.png", "complete", "hashed"),
        "v6": ("incoming/unseen.csv", "event only", None),
        "v7": ("incoming/by-service", "complete", "hashed"),
        "v8": ("incoming/long.bin", "complete", "hashed"),
        "v9": ("incoming/too-long.bin", "complete", "deferred"),
        "v10": ("incoming/short-lived", "complete", "gone"),
        "v11": ("incoming/old.csv", "complete", "hashed"),
        "v12": ("incoming/tomorrow.csv", "event only", None),
    }
    assert {row["bucket_name"] for row in ledger.values()} == {DATA}


def test_the_ledger_has_user_hash_time_and_source(ledger: dict[tuple[str, str], Row], tmp_path: Path) -> None:
    row = ledger["incoming/a.csv", "v2"]
    record = receipt(tmp_path, RECEIPTS, DATA, "incoming/a.csv", "v2")
    assert row["who"] == "grace" and row["user_arn"].endswith(":user/grace")
    assert {name: row[name] for name in ("sha256", "size", "etag", "s3_checksum", "recorded_at")} == {
        name: record[name] for name in ("sha256", "size", "etag", "s3_checksum", "recorded_at")
    }
    assert (row["event_time"], row["event_name"]) == ("2026-11-23T10:00:00Z", "PutObject")
    assert (row["region"], row["source_ip"], row["encryption"]) == (REGION, "203.0.113.7", "aws:kms")
    assert row["pinned_late"] is True and ledger["incoming/a.csv", "v1"]["pinned_late"] is False

    without_receipt, without_event = ledger["incoming/unseen.csv", "v6"], ledger["incoming/before-the-trail.csv", "v0"]
    assert (without_receipt["who"], without_receipt["sha256"]) == (f"arn:aws:iam::{ACCOUNT}:root", None)
    assert (without_event["who"], without_event["event_time"]) == (None, "2026-11-23T10:00:00Z")
    assert ledger["incoming/short-lived", "v10"]["sha256"] is None
    assert ledger["incoming/too-long.bin", "v9"]["size"] == 99


def test_the_validation_query(planned: Planned, engine: Engine) -> None:
    """Every kind of upload is listed, not only PutObject."""
    rows = engine.ask(planned.queries["validation"])
    assert list(rows[0]) == ["eventTime", "eventName", "user_arn", "bucket_name", "object_key"]
    assert [row["eventTime"] for row in rows] == sorted((row["eventTime"] for row in rows), reverse=True)
    assert {row["bucket_name"] for row in rows} == {DATA}
    assert {row["eventName"] for row in rows} == {"PutObject", "PostObject", "CopyObject", "CompleteMultipartUpload"}
    assert len(rows) == 17
    narrowed = engine.ask(planned.queries["validation"].replace("ORDER BY", "AND day >= '2026/11/24'\nORDER BY"))
    assert [row["object_key"] for row in narrowed] == ["incoming/tomorrow.csv"]


def test_open_questions(planned: Planned, engine: Engine) -> None:
    rows = engine.ask(planned.queries["open_questions"])
    assert [row["version_id"] for row in rows] == ["v12", "v10", "v9", "v6", "v0"]


def test_keys_that_athena_skips_are_in_the_ledger(planned: Planned, tmp_path: Path) -> None:
    """Athena skips paths with a part that begins with `.` or `_`; the receipts of such keys have no such part."""
    buckets = tmp_path / "buckets"
    for key, version in (("incoming/plain", ".v1"), ("incoming/_draft/a", "v2"), ("incoming/plain", "v3")):
        deliver(buckets, TRAIL, event("PutObject", DATA, key, USER, at(9), version))
        receipt(buckets, RECEIPTS, DATA, key, version)
    rows = Engine(planned, buckets, NOW).ask("SELECT version_id, evidence FROM provenance_ledger ORDER BY version_id")
    assert [(row["version_id"], row["evidence"]) for row in rows] == [
        (".v1", "complete"),
        ("v2", "complete"),
        ("v3", "complete"),
    ]
    assert hidden("bucket/incoming/plain/.v1.json") and not hidden("bucket/incoming/pl_ain/~.v3.json")


def test_versions_without_an_id_are_separate_rows(planned: Planned, tmp_path: Path) -> None:
    """Versions that were deleted before their id was known: one receipt and one row per event."""
    buckets = tmp_path / "buckets"
    for sequencer in ("0055", "0056"):
        record = receipt(buckets, RECEIPTS, DATA, "incoming/a", f"unknown-{sequencer}", "gone", sequencer=sequencer)
        file = buckets / RECEIPTS / "provenance" / DATA / "incoming/a" / f"unknown-{sequencer}.json"
        file.write_text(json.dumps(record | {"version_id": ""}) + "\n")
    rows = Engine(planned, buckets, NOW).ask("SELECT version_id, state, evidence FROM provenance_ledger")
    assert rows == [{"version_id": "", "state": "gone", "evidence": "receipt only"}] * 2


def test_empty_buckets(planned: Planned, tmp_path: Path) -> None:
    empty = Engine(planned, tmp_path / "buckets", NOW)
    assert [empty.ask(f"SELECT * FROM {name}") for name in planned.views] == [[], []]


def test_both_systems(root: Root, tmp_path: Path) -> None:
    """With `watch`, versions in the ingest's bucket are included, but not those under the reserved prefix."""
    planned = root.plan("both")
    region, suffix = "eu-central-1", f"eu-central-1-{ACCOUNT}"
    data, inbox = f"sluice-staging-data-{suffix}", f"sluice-staging-processing-{suffix}"
    buckets = tmp_path / "buckets"
    for bucket, key in (
        (data, "reports/q3.pdf"),
        (data, "incoming/a"),
        (data, "elsewhere/a"),
        (inbox, "incoming/4EVR.json"),
        (inbox, "reports/q3.pdf"),
        (inbox, "_sluice/schema/ab.json"),
    ):
        deliver(
            buckets, f"sluice-staging-trail-{suffix}", event("PutObject", bucket, key, USER, at(9), "v"), region=region
        )
        receipt(buckets, f"sluice-staging-receipts-{suffix}", bucket, key, "v")
    rows = Engine(planned, buckets, NOW).ask(
        "SELECT bucket_name, object_key FROM provenance_ledger WHERE who = 'grace'"
    )
    assert sorted((row["bucket_name"], row["object_key"]) for row in rows) == [
        (data, "incoming/a"),
        (data, "reports/q3.pdf"),
        (inbox, "incoming/4EVR.json"),
    ]


def test_the_receipts_table_has_the_fields_of_a_receipt(planned: Planned, tmp_path: Path) -> None:
    """Each field of a receipt, and no other, with the type of its JSON value."""
    record = receipt(tmp_path, RECEIPTS, DATA, "k", "v", reason="InvalidObjectState", pinned_late=True)
    columns = {
        column["name"]: column["type"] for column in planned.tables["receipts"]["storage_descriptor"][0]["columns"]
    }
    assert set(columns) == set(record)
    kinds = {str: "string", int: "bigint", bool: "boolean"}
    assert columns == {name: kinds[type(value)] for name, value in record.items()}
    assert json.loads((tmp_path / RECEIPTS / "provenance" / DATA / "k" / "v.json").read_text()) == record


def test_sql_stands_in_files() -> None:
    """Each query is a file that begins with a comment."""
    files = sorted((ROOT / "terraform" / "modules" / "provenance" / "sql").glob("*.sql"))
    assert [file.stem for file in files] == [
        "cloudtrail_s3_events_flattened",
        "open_questions",
        "provenance_ledger",
        "validation",
    ]
    assert all(file.read_text().startswith("-- ") for file in files)
