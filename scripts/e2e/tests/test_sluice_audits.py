"""Audits that finish: what cannot be read is a row with its reason, and everything else is looked at.

Only the objects that a test puts are its own; keys, records and files here are what a hostile uploader would choose.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from .. import readback
from ..deployment import Deployment
from ..ingest_events import upload
from ..inventory import REASON_SUFFIX
from ..paths import ROOT
from ..scenario import music
from ..sluice import Sluice
from .ingest_steps import delete_item, quarantine_keys_of, unique_name, upload_invalid
from .polling import eventually

CUSTOMER_KEY = "0123456789abcdef0123456789abcdef"
STRANGE = ["".join(map(chr, range(1, 32))).replace("\n", "").replace("\r", ""), "\ufffe", "\uffff", "a+b %2B"]


def stored(deployment: Deployment, name: str) -> str:
    version = upload(deployment, f"{name}/good.json", music(name, "TRACK#good"))
    eventually(lambda: readback.item(deployment, (name, "TRACK#good")) is not None, "the good file")
    return version


def rows(completed: object) -> dict[str, dict]:
    """The rows of a run with JSON output, by key."""
    return {line.get("key") or line.get("listed_key"): line for line in completed.lines[:-1]}  # type: ignore[attr-defined]


def test_what_cannot_be_read_for_good_is_a_row(sluice: Sluice, deployment: Deployment, ingest_events_off: None) -> None:
    """An archived object and one with its uploader's key: the rest is looked at, and both commands end with exit 0."""
    name, s3, bucket = unique_name(), deployment.client("s3"), deployment.ingest.processing
    body = music(name, "TRACK#1")
    s3.put_object(Bucket=bucket, Key=f"{name}/archived.json", Body=body, StorageClass="DEEP_ARCHIVE")
    s3.put_object(
        Bucket=bucket,
        Key=f"{name}/encrypted.json",
        Body=body,
        SSECustomerAlgorithm="AES256",
        SSECustomerKey=CUSTOMER_KEY,
    )
    s3.put_object(Bucket=bucket, Key=f"{name}/plain.json", Body=body)
    found = sluice("reconcile", "--prefix", f"{name}/", "--grace", "0", "--format", "json")
    assert {key: row["end"] for key, row in rows(found).items()} == {
        f"{name}/archived.json": "unreadable",
        f"{name}/encrypted.json": "unreadable",
        f"{name}/plain.json": None,
    }
    total = found.lines[-1]
    assert found.code == 1 and (total["unreadable"], total["without_end"], total["total"]) == (2, 1, 3)
    assert "role" not in " ".join(row["why"] for row in rows(found).values())
    dry = sluice.run("backfill", "--missing", "--prefix", f"{name}/", "--format", "json")
    assert (dry.lines[-1]["versions"], dry.lines[-1]["unreadable"], dry.lines[-1]["listed"]) == (1, 2, 3)


def test_a_table_key_that_the_table_cannot_have(
    sluice: Sluice, deployment: Deployment, ingest_events_off: None
) -> None:
    """A key value above DynamoDB's limit is no reason to stop: the file will be invalid, and the row says so."""
    name, s3, bucket = unique_name(), deployment.client("s3"), deployment.ingest.processing
    for kind, item in {
        "hash": ("x" * 2049, "TRACK#1"),
        "range": (name, "TRACK#" + "x" * 1024),
    }.items():
        s3.put_object(Bucket=bucket, Key=f"{name}/{kind}.json", Body=music(*item))
    found = sluice("reconcile", "--prefix", f"{name}/", "--grace", "0", "--format", "json")
    assert found.code == 1 and found.lines[-1]["without_end"] == 2
    assert {row["expected"] for row in rows(found).values()} == {"invalid"}
    told = sluice("reconcile", "--prefix", f"{name}/", "--grace", "0").out
    assert told.count("DynamoDB takes") == 2 and "go to quarantine" in told


def test_keys_that_xml_cannot_carry(sluice: Sluice, deployment: Deployment, ingest_events_off: None) -> None:
    """Control characters and non-characters: listed, read, shown escaped."""
    name, s3, bucket = unique_name(), deployment.client("s3"), deployment.ingest.processing
    keys = {f"{name}/{part}.json" for part in STRANGE}
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"{")
    found = sluice("reconcile", "--prefix", f"{name}/", "--grace", "0", "--format", "json")
    assert set(rows(found)) == keys
    listed = sluice.run("backfill", "--prefix", f"{name}/", "--list", "--format", "json")
    assert set(rows(listed)) == keys
    told = sluice("reconcile", "--prefix", f"{name}/", "--grace", "0").out
    assert not any(ord(c) < 32 and c != "\n" for c in told)
    assert sum(line.startswith("no outcome: ") for line in told.splitlines()) == len(keys)


def test_a_broken_reason_record_is_a_row(sluice: Sluice, deployment: Deployment) -> None:
    """`quarantine list` and `show` go on, say why and exit 1; nothing is released by a record that nobody can read."""
    name, s3, bucket = unique_name(), deployment.client("s3"), deployment.ingest.quarantine
    broken, whole = f"{name}/broken.json", f"{name}/whole.json"
    version = upload_invalid(deployment, broken, b"{")
    upload_invalid(deployment, whole, b"{{")
    s3.put_object(Bucket=bucket, Key=f"{broken}/{version}{REASON_SUFFIX}", Body=b"not JSON")
    listed = sluice("quarantine", "list", "--prefix", f"{name}/", "--format", "json")
    assert listed.code == 1
    assert (listed.lines[-1]["count"], listed.lines[-1]["not_read"]) == (2, 1)
    assert {line["key"] for line in listed.lines[:-1]} == {None, whole}
    shown = sluice("quarantine", "show", broken)
    assert shown.code == 1 and "not a reason record" in shown.out
    assert sluice("quarantine", "check", broken).code == 0
    kept = sluice("quarantine", "release", broken)
    assert kept.code == 1 and len(quarantine_keys_of(deployment, broken)) == 2
    sluice.run("quarantine", "remove", broken, "--yes")
    assert quarantine_keys_of(deployment, broken) == set()


def test_a_removal_that_was_cut_off_is_finished(sluice: Sluice, deployment: Deployment) -> None:
    """Killed between the copy and the reason record: what is left says what it was, and the same command ends it."""
    key, s3, bucket = f"{unique_name()}.json", deployment.client("s3"), deployment.ingest.quarantine
    version = upload_invalid(deployment, key, b"{")
    for found in s3.list_object_versions(Bucket=bucket, Prefix=f"{key}/{version}")["Versions"]:
        if found["Key"] == f"{key}/{version}":
            s3.delete_object(Bucket=bucket, Key=found["Key"], VersionId=found["VersionId"])
    assert "(gone)" in sluice.run("quarantine", "show", key).out
    kept = sluice("quarantine", "release", key)
    assert kept.code == 1 and "its copy is not in quarantine any more" in kept.out
    sluice.run("quarantine", "remove", key, "--yes")
    assert quarantine_keys_of(deployment, key) == set()


def test_keys_that_are_named_after_others(sluice: Sluice, deployment: Deployment) -> None:
    """A key below another one's version, listed between its copy and its record: each has its own versions."""
    key = f"{unique_name()}.json"
    first = upload_invalid(deployment, key, b"{")
    others = [f"{key}/{first}-x", f"{key}/{first}", f"{key}/{first}{REASON_SUFFIX}", f"{key}/{first}/deep"]
    versions = {key: first} | {other: upload_invalid(deployment, other, b"[") for other in others}
    listed = sluice.run("quarantine", "list", "--prefix", key, "--format", "json")
    assert {line["key"]: line["version_id"] for line in listed.lines[:-1]} == versions
    assert listed.lines[-1]["count"] == len(versions)
    everything = sluice("quarantine", "list", "--format", "json").lines[-1]["count"]
    assert sluice("status", "--format", "json").lines[0]["quarantined"] == everything
    for each, version in versions.items():
        [found] = sluice.run("quarantine", "check", each, "--format", "json").lines
        assert found["versions"] == [version], each
        [shown] = sluice.run("quarantine", "show", each, "--format", "json").lines
        assert shown["reason"]["source"]["key"] == each
    sluice.run("quarantine", "release", key)
    eventually(lambda: len(quarantine_keys_of(deployment, key)) >= 2 * len(others) + 2, "the key in quarantine again")
    assert f"{key}/{first}{REASON_SUFFIX}" not in quarantine_keys_of(deployment, key)
    for each in versions:
        sluice.run("quarantine", "remove", each, "--yes")
    assert quarantine_keys_of(deployment, key) == set()


def test_a_wrong_item_that_was_deleted_is_not_announced_by_advice(sluice: Sluice, deployment: Deployment) -> None:
    """`reconcile` says what each way would do; after the object version is gone there is nothing to say."""
    name = unique_name()
    version = stored(deployment, name)
    delete_item(deployment, (name, "TRACK#good"))
    told = sluice("reconcile", "--prefix", f"{name}/", "--grace", "0")
    assert told.code == 1 and "neither an item nor a reason record exists" in told.out
    assert "would store it again" in told.out and "delete-object" in told.out
    s3 = deployment.client("s3")
    s3.delete_object(Bucket=deployment.ingest.processing, Key=f"{name}/good.json", VersionId=version)
    sluice.run("reconcile", "--prefix", f"{name}/", "--grace", "0")


def test_status_goes_on_past_a_queue_that_is_gone(
    sluice: Sluice, deployment: Deployment, dead_letters: dict[str, str]
) -> None:
    """One queue that cannot be read: the rest of the screen is there, the reason too, and the exit code is 1."""
    outputs = json.loads(sluice.outputs.read_text())
    outputs["ingest"]["value"]["event_dead_letter_url"] += "-gone"
    sluice.write("other.json", json.dumps(outputs).encode())
    own = ("--outputs", "other.json", "--as", "caller")
    completed = sluice("status", *own, user="deployer")
    assert completed.code == 1 and "unknown events, 0 messages" in completed.out
    assert "not read: event dead letters: " in completed.out and "the queue does not exist" in completed.out
    screen = sluice("status", *own, "--format", "json", user="deployer").lines[0]
    assert screen["dead_letters"]["events"] is None and screen["dead_letters"]["messages"] == 0
    looked = sluice("redrive", *own, user="deployer")
    assert looked.code == 1 and "the queue does not exist" in looked.err and "0 to send" in looked.out


def edge_cases(name: str) -> list[dict]:
    """What a hostile uploader puts beside ordinary files: the arguments of each put."""
    plain = [
        {"Key": f"{name}/long.json", "Body": music(name, "x" * 1100)},
        {"Key": f"{name}/list.json", "Body": b"[]"},
        *({"Key": f"{name}/{part}.json", "Body": b"{"} for part in STRANGE),
    ]
    archived = {"Key": f"{name}/archived.json", "Body": b"{", "StorageClass": "GLACIER"}
    own_key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": CUSTOMER_KEY}
    return [*plain, archived, {"Key": f"{name}/encrypted.json", "Body": b"{", **own_key}]


def quarantined(name: str, many: int) -> list[dict]:
    """Versions in quarantine as the function leaves them, named after each other; the last two are a copy without a
    record and a broken record."""

    def reason(key: str, version: str) -> bytes:
        source = {"bucket": "in", "key": key, "version_id": version}
        return json.dumps({"end": "invalid", "reasons": [], "source": source, "quarantined_at": "T"}).encode()

    puts = []
    for number in range(many):
        key = f"{name}/{number // 3}.json" + ["", "/V", f"/V{REASON_SUFFIX}"][number % 3]
        puts.append({"Key": f"{key}/V", "Body": b"{"})
        puts.append({"Key": f"{key}/V{REASON_SUFFIX}", "Body": reason(key, "V")})
    bare, broken = {"Key": f"{name}/bare.json/V", "Body": b"{"}, {"Key": f"{name}/broken.json/V", "Body": b"{"}
    return [*puts, bare, broken, {"Key": f"{name}/broken.json/V{REASON_SUFFIX}", "Body": b"{"}]


@pytest.mark.parametrize("many", [40, pytest.param(2000, marks=pytest.mark.slow)])
def test_counts_add_up(many: int, sluice: Sluice, deployment: Deployment, ingest_events_off: None) -> None:
    """Every version is counted once, by each command, as many as S3 has and as each of them was put."""
    name, s3, ingest = unique_name(), deployment.client("s3"), deployment.ingest

    def put(bucket: str, puts: list[dict]) -> None:
        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(s3.put_object, Bucket=bucket, **one) for one in puts]:
                done.result()

    valid = [{"Key": f"{name}/{number}.json", "Body": music(name, f"TRACK#{number}")} for number in range(many)]
    put(ingest.processing, [*valid, *edge_cases(name)])
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=ingest.processing, Prefix=f"{name}/", EncodingType="url"
    )
    there = sum(len(page.get("Versions", [])) for page in pages)
    assert there == many + len(edge_cases(name))
    found = sluice("reconcile", "--prefix", f"{name}/", "--grace", "0", "--format", "json")
    total = found.lines[-1]
    parts = ("stored", "duplicate", "refused", "too_large", "unreadable", "gone", "young", "without_end", "not_read")
    assert found.code == 1 and total["total"] == there == sum(total[part] for part in parts)
    assert (total["unreadable"], total["without_end"], total["without_item_and_reason"]) == (2, there - 2, many)
    assert len(found.lines) - 1 == there, "each is a row"
    everything = sluice.run("backfill", "--prefix", f"{name}/", "--format", "json").lines[-1]
    missing = sluice.run("backfill", "--missing", "--prefix", f"{name}/", "--format", "json").lines[-1]
    assert (everything["versions"], missing["listed"]) == (there, there)
    assert (missing["versions"], missing["unreadable"]) == (total["without_end"], total["unreadable"])

    before = sluice("status", "--format", "json").lines[0]["quarantined"]
    put(ingest.quarantine, quarantined(name, many))
    try:
        check_quarantine(sluice, name, many, before)
    finally:
        # The other tests count what is in quarantine, too.
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=ingest.quarantine, Prefix=f"{name}/")
        for page in pages:
            objects = [{"Key": found["Key"]} for found in page.get("Contents", [])]
            s3.delete_objects(Bucket=ingest.quarantine, Delete={"Objects": objects})


def check_quarantine(sluice: Sluice, name: str, many: int, before: int) -> None:
    listed = sluice("quarantine", "list", "--prefix", f"{name}/", "--format", "json")
    assert listed.code == 1 and (listed.lines[-1]["count"], listed.lines[-1]["not_read"]) == (many + 2, 1)
    assert len({(line["key"], line["copy_key"]) for line in listed.lines[:-1]}) == many + 2
    assert sluice("status", "--format", "json").lines[0]["quarantined"] == before + many + 2
    for key in (f"{name}/0.json", f"{name}/0.json/V", f"{name}/0.json/V{REASON_SUFFIX}"):
        assert sluice.run("quarantine", "check", key, "--format", "json").lines[0]["versions"] == ["V"]


def test_no_error_is_classified_by_words() -> None:
    """What AWS says is shown, never searched."""
    paths = sorted((ROOT / "crates" / "sluice" / "src").rglob("*.rs"))
    assert paths
    for path in paths:
        source = path.read_text().partition("#[cfg(test)]")[0]
        for line in source.splitlines():
            assert not ("contains(" in line and any(word in line for word in ("Denied", "NonExistent", "dispatch"))), (
                f"{path}: {line}"
            )
