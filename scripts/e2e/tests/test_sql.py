"""The SQL of the provenance, run: what an example plans for Athena, over files in the layout that AWS and we write."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from ..paths import ROOT
from ..sqlengine import Engine, Row, hidden, locations
from ..sqlplan import Planned, Root
from ..sqlsamples import (
    ACCOUNT,
    ANONYMOUS,
    FUNCTION,
    NOW,
    REGION,
    ROOT_USER,
    SERVICE,
    SSO,
    SSO_ROLE,
    STRANGER,
    TOOL,
    USER,
    deliver,
    event,
    form_upload,
    receipt,
)

DATA, TRAIL = "caa304-raw-data", "caa304-cloudtrail-log"
RECEIPTS = f"caa304-prod-receipts-{REGION}-{ACCOUNT}"
ODD = "incoming/Ünï & co/a+b 100% 'q' \"z\".csv"


def at(hour: int, minute: int = 0, days: int = 0) -> dt.datetime:
    return NOW.replace(hour=hour, minute=minute, second=0, microsecond=0) - dt.timedelta(days=days)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    return Root(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="module")
def planned(root: Root) -> Planned:
    return root.plan("caa304")


@pytest.fixture(scope="module")
def engine(planned: Planned, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A day in the life of the bucket, and what lies at the edges of the table."""
    buckets = tmp_path_factory.mktemp("s3") / "buckets"
    first = event("PutObject", DATA, "incoming/a.csv", SSO, at(9), "v1")
    deliver(
        buckets,
        TRAIL,
        first,
        event("PutObject", DATA, "incoming/a.csv", USER, at(10), "v2"),
        event("CreateMultipartUpload", DATA, "incoming/large.bin", TOOL, at(10, 1)),
        event("UploadPart", DATA, "incoming/large.bin", TOOL, at(10, 2), bytes_in=8388608.0),
        event("CompleteMultipartUpload", DATA, "incoming/large.bin", TOOL, at(10, 5), "v3"),
        event(
            "CopyObject",
            DATA,
            ODD,
            TOOL,
            at(10, 10),
            "v4",
            bytes_in=0,
            parameters={"x-amz-copy-source": "elsewhere/source.csv?versionId=s1"},
            answer={"x-amz-copy-source-version-id": "s1"},
        ),
        form_upload(DATA, "incoming/form.png", ANONYMOUS, at(10, 20), "v5"),
    )
    deliver(
        buckets,
        TRAIL,
        first,  # CloudTrail delivers at least once
        event("PutObject", DATA, "incoming/refused.csv", STRANGER, at(11), error="AccessDenied"),
        event("PutObject", DATA, "incoming/a.csv", TOOL, at(11, 1), error="PreconditionFailed"),
        event("GetObject", DATA, "incoming/a.csv", SSO, at(11, 2), asked="v1"),
        event("GetObject", DATA, "incoming/a.csv", ANONYMOUS, at(11, 3), error="AccessDenied"),
        event(
            "DeleteObject",
            DATA,
            "incoming/a.csv",
            USER,
            at(11, 4),
            "marker",
            answer={"x-amz-delete-marker": "true"},
        ),
        event("DeleteObjects", DATA, None, USER, at(11, 5), parameters={"delete": ""}),
        event("PutObject", DATA, "incoming/", SSO, at(11, 6), "folder", bytes_in=0),
        event("PutObject", DATA, "processed/a.csv", TOOL, at(11, 7), "p1"),
        event("PutObject", DATA, "incoming-not/a.csv", TOOL, at(11, 8), "p2"),
        event("PutObject", RECEIPTS, f"provenance/{DATA}/incoming/a.csv/v1.json", FUNCTION, at(11, 9), "r1"),
        event("PutObject", "somebody-else", "incoming/a.csv", TOOL, at(11, 10), "v1"),
        event("PutObject", DATA, "incoming/unseen.csv", ROOT_USER, at(11, 11), "v6"),
        event("PutObject", DATA, "incoming/by-service", SERVICE, at(11, 12), "v7"),
        event("PutObject", DATA, "incoming/long.bin", STRANGER, at(11, 13), "v8"),
        event("PutObject", DATA, "incoming/too-long.bin", TOOL, at(11, 14), "v9"),
        event("PutObject", DATA, "incoming/short-lived", TOOL, at(11, 15), "v10"),
    )
    # The oldest day that is kept, the newest in UTC, another region, and another table's neighbour.
    deliver(buckets, TRAIL, event("PutObject", DATA, "incoming/old.csv", USER, at(1, days=365), "v11"))
    deliver(buckets, TRAIL, event("PutObject", DATA, "incoming/tomorrow.csv", USER, at(0, days=-1), "v12"))
    elsewhere = event("PutObject", DATA, "incoming/x", USER, at(1), "x")
    deliver(buckets, TRAIL, elsewhere, region="eu-west-1")
    digest = buckets / TRAIL / "AWSLogs" / ACCOUNT / "CloudTrail-Digest" / REGION / "2026/11/23/one.json.gz"
    digest.parent.mkdir(parents=True)
    digest.write_bytes(b"no log")

    for key, version in (
        ("incoming/a.csv", "v1"),
        ("incoming/a.csv", "v2"),
        ("incoming/large.bin", "v3"),
        (ODD, "v4"),
        ("incoming/form.png", "v5"),
        ("incoming/by-service", "v7"),
        ("incoming/long.bin", "v8"),
        ("incoming/before-the-trail.csv", "v0"),
        ("incoming/old.csv", "v11"),
    ):
        late = {"pinned_late": True} if version == "v2" else {}
        receipt(buckets, RECEIPTS, DATA, key, version, **late)
    receipt(buckets, RECEIPTS, DATA, "incoming/long.bin", "v8", "deferred")
    receipt(buckets, RECEIPTS, DATA, "incoming/too-long.bin", "v9", "deferred", size=99)
    receipt(buckets, RECEIPTS, DATA, "incoming/short-lived", "v10", "gone")
    (buckets / RECEIPTS / "provenance" / "broken.json").write_text("{no json\n")
    for neighbour in ("journal/2026-11-23T14-05-09.123Z/ab.json", "ledger/000000000001.json"):
        (buckets / RECEIPTS / neighbour).parent.mkdir(parents=True)
        (buckets / RECEIPTS / neighbour).write_text('{"bucket":"no receipt","key":"k","version_id":"v"}\n')
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


def test_the_table_is_at_the_root_and_every_day_is_in_it(planned: Planned) -> None:
    """001.16: a LOCATION at one dated folder went stale."""
    table = planned.tables["cloudtrail_logs"]
    assert table["storage_descriptor"][0]["location"] == f"s3://{TRAIL}/AWSLogs/{ACCOUNT}/CloudTrail/"
    places = list(locations(table, NOW))
    days = [partition["day"] for partition, _ in places]
    assert {partition["region"] for partition, _ in places} == {REGION}
    # from before the oldest log that is kept to the day after today's, without a gap
    assert (days[0], days[-1], len(days)) == ("2025/11/22", "2026/11/24", 368)
    assert days == sorted(set(days))
    for partition, place in places:
        assert place == f"s3://{TRAIL}/AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{partition['day']}/"


def test_the_trail_logs_reads_and_writes_of_all_objects_and_not_its_own(planned: Planned) -> None:
    """001.2, 001.16: every object of the bucket and of the receipts; a trail that logs its own bucket never ends."""
    (trail,) = planned.trails
    assert trail["s3_bucket_name"] == TRAIL and trail["enable_log_file_validation"]
    used, changed = (
        {field["field"]: field["equals"] or field["starts_with"] for field in selector["field_selector"]}
        for selector in trail["advanced_event_selector"]
    )
    objects = {"eventCategory": ["Data"], "resources.type": ["AWS::S3::Object"]}
    assert used == objects | {"resources.ARN": [f"arn:aws:s3:::{DATA}/"]}  # no readOnly: both
    assert changed == objects | {"readOnly": ["false"], "resources.ARN": [f"arn:aws:s3:::{RECEIPTS}/"]}


def test_the_first_columns_are_the_documents(planned: Planned, engine: Engine) -> None:
    """001.4"""
    names = [name for name, _ in engine.columns("cloudtrail_s3_events_flattened")]
    assert names[:5] == ["eventtime", "eventname", "user_arn", "bucket_name", "object_key"]


def test_declared_columns_are_what_the_views_give(planned: Planned, engine: Engine) -> None:
    """Athena refuses a view as stale whose stored types are not those of its query."""
    athena = {"VARCHAR": "varchar", "BIGINT": "bigint", "BOOLEAN": "boolean"}
    hive = {"varchar": "string"}
    for name, view in planned.views.items():
        given = [(column, athena[kind]) for column, kind in engine.columns(name)]
        assert [(column["name"], column["type"]) for column in view["columns"]] == given
        assert view["glue"] == [(column, hive.get(kind, kind)) for column, kind in given]
        assert (view["catalog"], view["schema"]) == ("awsdatacatalog", "caa304_prod_provenance")


def test_named_queries_make_the_same_views(planned: Planned) -> None:
    for name, view in planned.views.items():
        assert planned.queries[name] == f"CREATE OR REPLACE VIEW {name} AS\n{view['originalSql']}\n"


def test_every_event_is_one_row(events: list[Row]) -> None:
    """Reads, refusals and deletes too; an event that was delivered twice once; no other region, no digest."""
    assert len(events) == 25
    assert len({row["event_id"] for row in events}) == 25
    assert {row["region"] for row in events} == {REGION}
    assert sum(row["read_only"] == "true" for row in events) == 2
    refused = [(row["eventName"], row["error_code"]) for row in events if row["error_code"]]
    assert sorted(refused) == [
        ("GetObject", "AccessDenied"),
        ("PutObject", "AccessDenied"),
        ("PutObject", "PreconditionFailed"),
    ]


def test_who(events: list[Row]) -> None:
    """001.6: a person behind single sign-on has a name, and the session says whether there was a second factor."""
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
        ("AIDASTRANGER", None, "AWSAccount", None),
        ("logging.s3.amazonaws.com", None, "AWSService", None),
    }


def test_which_version(events: list[Row]) -> None:
    def of(name: str, key: str | None) -> list[Row]:
        return [row for row in events if (row["eventName"], row["object_key"], row["bucket_name"]) == (name, key, DATA)]

    assert [row["version_id"] for row in of("PutObject", "incoming/a.csv")] == ["v1", "v2", None]
    assert [row["version_id"] for row in of("GetObject", "incoming/a.csv")] == ["v1", None]
    assert [row["version_id"] for row in of("DeleteObject", "incoming/a.csv")] == ["marker"]
    assert [row["version_id"] for row in of("DeleteObjects", None)] == [None]
    (copied,) = of("CopyObject", ODD)
    assert (copied["version_id"], copied["copied_from"]) == ("v4", "elsewhere/source.csv?versionId=s1")
    (form,) = of("PostObject", "incoming/form.png")
    assert (form["version_id"], form["bucket_name"]) == ("v5", DATA)


def test_upload_is_proved(events: list[Row]) -> None:
    """001.8: access, encryption with the key, and the event, in one row."""
    (row,) = [
        row for row in events if row["version_id"] == "v1" and row["bucket_name"] == DATA and not row["bytes_out"]
    ]
    assert (row["encryption"], row["kms_key"]) == ("aws:kms", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/one")
    assert (row["eventTime"], row["day"], row["bytes_in"]) == ("2026-11-23T09:00:00Z", "2026/11/23", 12)
    assert (row["source_ip"], row["user_agent"]) == ("203.0.113.7", "[aws-cli/2.31.0]")


def test_the_ledger_has_every_version_once(ledger: dict[tuple[str, str], Row]) -> None:
    """001.14: overwrites, large files, copies, forms; what lacks its receipt or its event shows, nothing else does."""
    assert {version: (key, row["evidence"], row["state"]) for (key, version), row in ledger.items()} == {
        "v0": ("incoming/before-the-trail.csv", "receipt only", "hashed"),
        "v1": ("incoming/a.csv", "complete", "hashed"),
        "v2": ("incoming/a.csv", "complete", "hashed"),
        "v3": ("incoming/large.bin", "complete", "hashed"),
        "v4": (ODD, "complete", "hashed"),
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


def test_who_what_when_where(ledger: dict[tuple[str, str], Row], tmp_path: Path) -> None:
    row = ledger["incoming/a.csv", "v2"]
    told = receipt(tmp_path, RECEIPTS, DATA, "incoming/a.csv", "v2")
    assert row["who"] == "grace" and row["user_arn"].endswith(":user/grace")
    assert {name: row[name] for name in ("sha256", "size", "etag", "s3_checksum", "recorded_at")} == {
        name: told[name] for name in ("sha256", "size", "etag", "s3_checksum", "recorded_at")
    }
    assert (row["event_time"], row["event_name"]) == ("2026-11-23T10:00:00Z", "PutObject")
    assert (row["region"], row["source_ip"], row["encryption"]) == (REGION, "203.0.113.7", "aws:kms")
    assert row["pinned_late"] is True and ledger["incoming/a.csv", "v1"]["pinned_late"] is False

    unproved, unlogged = ledger["incoming/unseen.csv", "v6"], ledger["incoming/before-the-trail.csv", "v0"]
    assert (unproved["who"], unproved["sha256"]) == (f"arn:aws:iam::{ACCOUNT}:root", None)
    assert (unlogged["who"], unlogged["event_time"]) == (None, "2026-11-23T10:00:00Z")
    assert ledger["incoming/short-lived", "v10"]["sha256"] is None
    assert ledger["incoming/too-long.bin", "v9"]["size"] == 99


def test_the_validation_query(planned: Planned, engine: Engine) -> None:
    """001.5, and of the document's errors: uploads that are no PutObject were missed."""
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


def test_a_name_that_athena_hides_is_in_the_ledger(planned: Planned, tmp_path: Path) -> None:
    """Athena passes over paths with a part that begins with `.` or `_`; the receipts of such keys have no such part."""
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


def test_versions_without_a_name_are_not_one(planned: Planned, tmp_path: Path) -> None:
    """Gone before anybody learned their ids: one receipt an event, and one row."""
    buckets = tmp_path / "buckets"
    for sequencer in ("0055", "0056"):
        told = receipt(buckets, RECEIPTS, DATA, "incoming/a", f"unknown-{sequencer}", "gone", sequencer=sequencer)
        file = buckets / RECEIPTS / "provenance" / DATA / "incoming/a" / f"unknown-{sequencer}.json"
        file.write_text(json.dumps(told | {"version_id": ""}) + "\n")
    rows = Engine(planned, buckets, NOW).ask("SELECT version_id, state, evidence FROM provenance_ledger")
    assert rows == [{"version_id": "", "state": "gone", "evidence": "receipt only"}] * 2


def test_nothing_there_yet(planned: Planned, tmp_path: Path) -> None:
    empty = Engine(planned, tmp_path / "buckets", NOW)
    assert [empty.ask(f"SELECT * FROM {name}") for name in planned.views] == [[], []]


def test_both_systems(root: Root, tmp_path: Path) -> None:
    """With the ingest watched too, its bucket's versions under its own prefix count; its schema does not."""
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


def test_the_receipts_columns_are_the_receipts(planned: Planned, tmp_path: Path) -> None:
    """Each field that a receipt has, and no other, in the types of its JSON."""
    told = receipt(tmp_path, RECEIPTS, DATA, "k", "v", reason="InvalidObjectState", pinned_late=True)
    columns = {
        column["name"]: column["type"] for column in planned.tables["receipts"]["storage_descriptor"][0]["columns"]
    }
    assert set(columns) == set(told)
    kinds = {str: "string", int: "bigint", bool: "boolean"}
    assert columns == {name: kinds[type(value)] for name, value in told.items()}
    assert json.loads((tmp_path / RECEIPTS / "provenance" / DATA / "k" / "v.json").read_text()) == told


def test_sql_stands_in_files() -> None:
    """001's queries sat inside a block of shell; here each is a file that says what it answers."""
    files = sorted((ROOT / "terraform" / "modules" / "provenance" / "sql").glob("*.sql"))
    assert [file.stem for file in files] == [
        "cloudtrail_s3_events_flattened",
        "open_questions",
        "provenance_ledger",
        "validation",
    ]
    assert all(file.read_text().startswith("-- ") for file in files)
