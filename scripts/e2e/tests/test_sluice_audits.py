"""The audits of `sluice` complete: what cannot be read is a row with its reason, and everything else is counted.

The objects, keys and records are those that a hostile uploader would choose.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..deployment import Deployment
from ..ingest_events import upload
from ..inventory import REASON_SUFFIX
from ..paths import ROOT
from ..scenario import music
from ..sluice import Completed, Sluice
from .ingest_steps import delete_item, quarantine_keys_of, unique_name, upload_invalid, wait_for_item
from .polling import eventually

CUSTOMER_KEY = "0123456789abcdef0123456789abcdef"
UNUSUAL_NAMES = ["".join(map(chr, range(1, 32))).replace("\n", "").replace("\r", ""), "\ufffe", "\uffff", "a+b %2B"]


def upload_stored(deployment: Deployment, name: str) -> str:
    """Uploads a valid file and waits for its item; returns its version-id."""
    version = upload(deployment, f"{name}/good.json", music(name, "TRACK#good"))
    wait_for_item(deployment, (name, "TRACK#good"))
    return version


def rows(completed: Completed) -> dict[str, dict]:
    """The rows of JSON output by key, without the summary."""
    return {line.get("key") or line.get("listed_key"): line for line in completed.lines[:-1]}


def test_unreadable_objects_are_rows(sluice: Sluice, deployment: Deployment, ingest_events_off: None) -> None:
    """An archived object and one with the uploader's own key (SSE-C) do not stop the audits."""
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
    assert not found.denied, "the object is unreadable for everyone, not for lack of a permission"
    dry = sluice.run("backfill", "--missing", "--prefix", f"{name}/", "--format", "json")
    assert (dry.lines[-1]["versions"], dry.lines[-1]["unreadable"], dry.lines[-1]["listed"]) == (1, 2, 3)


def test_a_table_key_above_the_limit(sluice: Sluice, deployment: Deployment, ingest_events_off: None) -> None:
    """A file with a key value above DynamoDB's limit is reported, with the expected outcome `invalid`."""
    name, s3, bucket = unique_name(), deployment.client("s3"), deployment.ingest.processing
    for kind, item in {
        "hash": ("x" * 2049, "TRACK#1"),
        "range": (name, "TRACK#" + "x" * 1024),
    }.items():
        s3.put_object(Bucket=bucket, Key=f"{name}/{kind}.json", Body=music(*item))
    found = sluice("reconcile", "--prefix", f"{name}/", "--grace", "0", "--format", "json")
    assert found.code == 1 and found.lines[-1]["without_end"] == 2
    assert {row["expected"] for row in rows(found).values()} == {"invalid"}
    assert all("DynamoDB" in row["why"] for row in rows(found).values())


def test_keys_that_xml_cannot_represent(sluice: Sluice, deployment: Deployment, ingest_events_off: None) -> None:
    """Control characters and non-characters are listed, read, and escaped in the output."""
    name, s3, bucket = unique_name(), deployment.client("s3"), deployment.ingest.processing
    keys = {f"{name}/{part}.json" for part in UNUSUAL_NAMES}
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"{")
    found = sluice("reconcile", "--prefix", f"{name}/", "--grace", "0", "--format", "json")
    assert set(rows(found)) == keys
    listed = sluice.run("backfill", "--prefix", f"{name}/", "--list", "--format", "json")
    assert set(rows(listed)) == keys
    text = sluice("reconcile", "--prefix", f"{name}/", "--grace", "0").out
    assert not any(ord(character) < 32 and character != "\n" for character in text)
    assert sum(f"{name}/" in line and ".json" in line for line in text.splitlines()) == len(keys)


def test_an_invalid_reason_record_is_a_row(sluice: Sluice, deployment: Deployment) -> None:
    """`quarantine list` and `show` continue, report it and exit 1; its copy is not released."""
    name, s3, bucket = unique_name(), deployment.client("s3"), deployment.ingest.quarantine
    broken, valid = f"{name}/broken.json", f"{name}/valid.json"
    version = upload_invalid(deployment, broken, b"{")
    upload_invalid(deployment, valid, b"{{")
    s3.put_object(Bucket=bucket, Key=f"{broken}/{version}{REASON_SUFFIX}", Body=b"not JSON")
    listed = sluice("quarantine", "list", "--prefix", f"{name}/", "--format", "json")
    assert listed.code == 1
    assert (listed.lines[-1]["count"], listed.lines[-1]["not_read"]) == (2, 1)
    assert {line["key"] for line in listed.lines[:-1]} == {None, valid}
    shown = sluice("quarantine", "show", broken, "--format", "json")
    assert shown.code == 1 and shown.lines[0]["reason"] is None and shown.lines[0]["why"]
    assert sluice("quarantine", "check", broken).code == 0
    kept = sluice("quarantine", "release", broken)
    assert kept.code == 1 and len(quarantine_keys_of(deployment, broken)) == 2
    sluice.run("quarantine", "remove", broken, "--yes")
    assert quarantine_keys_of(deployment, broken) == set()


def test_an_interrupted_removal_can_be_completed(sluice: Sluice, deployment: Deployment) -> None:
    """Killed after the copy is deleted, the reason record remains, and the same command completes."""
    key, s3, bucket = f"{unique_name()}.json", deployment.client("s3"), deployment.ingest.quarantine
    version = upload_invalid(deployment, key, b"{")
    for found in s3.list_object_versions(Bucket=bucket, Prefix=f"{key}/{version}")["Versions"]:
        if found["Key"] == f"{key}/{version}":
            s3.delete_object(Bucket=bucket, Key=found["Key"], VersionId=found["VersionId"])
    assert sluice.run("quarantine", "show", key, "--format", "json").lines[0]["copy_is_there"] is False
    kept = sluice("quarantine", "release", key, "--format", "json")
    assert (kept.code, kept.lines[0]["result"]) == (1, "kept")
    sluice.run("quarantine", "remove", key, "--yes")
    assert quarantine_keys_of(deployment, key) == set()


def test_keys_that_contain_other_quarantine_keys(sluice: Sluice, deployment: Deployment) -> None:
    """Keys that are listed between the copy and the reason record of another key have their own versions."""
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
    eventually(lambda: len(quarantine_keys_of(deployment, key)) >= 2 * len(others) + 2, "key in quarantine again")
    assert f"{key}/{first}{REASON_SUFFIX}" not in quarantine_keys_of(deployment, key)
    for each in versions:
        sluice.run("quarantine", "remove", each, "--yes")
    assert quarantine_keys_of(deployment, key) == set()


def test_reconcile_reports_a_deleted_item_until_its_object_is_deleted(sluice: Sluice, deployment: Deployment) -> None:
    """Without item and reason record, the advice names both ways: store the file again, or delete the object."""
    name = unique_name()
    version = upload_stored(deployment, name)
    delete_item(deployment, (name, "TRACK#good"))
    reported = sluice("reconcile", "--prefix", f"{name}/", "--grace", "0")
    assert reported.code == 1 and "sluice backfill" in reported.out and "delete-object" in reported.out
    s3 = deployment.client("s3")
    s3.delete_object(Bucket=deployment.ingest.processing, Key=f"{name}/good.json", VersionId=version)
    sluice.run("reconcile", "--prefix", f"{name}/", "--grace", "0")


def test_a_missing_queue_does_not_stop_status(
    sluice: Sluice, deployment: Deployment, dead_letters: dict[str, str]
) -> None:
    """The rest of the screen is shown, with the reason for the missing part, and the exit code is 1."""
    outputs = json.loads(sluice.outputs.read_text())
    outputs["ingest"]["value"]["event_dead_letter_url"] += "-gone"
    sluice.write("other.json", json.dumps(outputs).encode())
    own = ("--outputs", "other.json", "--as", "caller")
    status = sluice("status", *own, "--format", "json", user="deployer")
    [screen] = status.lines
    assert status.code == 1 and screen["dead_letters"] == {"events": None, "messages": 0}
    assert len(screen["not_read"]) == 1 and "NonExistentQueue" in screen["not_read"][0]["why"]
    listed = sluice("redrive", *own, "--format", "json", user="deployer")
    assert listed.code == 1 and "NonExistentQueue" in listed.err and listed.lines[-1]["chosen"] == 0


def hostile_objects(name: str) -> list[dict]:
    """Objects that a hostile uploader puts next to ordinary files, as arguments of PutObject."""
    plain = [
        {"Key": f"{name}/long.json", "Body": music(name, "x" * 1100)},
        {"Key": f"{name}/list.json", "Body": b"[]"},
        *({"Key": f"{name}/{part}.json", "Body": b"{"} for part in UNUSUAL_NAMES),
    ]
    archived = {"Key": f"{name}/archived.json", "Body": b"{", "StorageClass": "GLACIER"}
    own_key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": CUSTOMER_KEY}
    return [*plain, archived, {"Key": f"{name}/encrypted.json", "Body": b"{", **own_key}]


def quarantined_objects(name: str, count: int) -> list[dict]:
    """Copies and reason records whose keys contain each other, as arguments of PutObject. The last two versions are a
    copy without a record and one with an invalid record."""

    def reason(key: str, version: str) -> bytes:
        source = {"bucket": "in", "key": key, "version_id": version}
        return json.dumps({"end": "invalid", "reasons": [], "source": source, "quarantined_at": "T"}).encode()

    puts = []
    for number in range(count):
        key = f"{name}/{number // 3}.json" + ["", "/V", f"/V{REASON_SUFFIX}"][number % 3]
        puts.append({"Key": f"{key}/V", "Body": b"{"})
        puts.append({"Key": f"{key}/V{REASON_SUFFIX}", "Body": reason(key, "V")})
    bare, broken = {"Key": f"{name}/bare.json/V", "Body": b"{"}, {"Key": f"{name}/broken.json/V", "Body": b"{"}
    return [*puts, bare, broken, {"Key": f"{name}/broken.json/V{REASON_SUFFIX}", "Body": b"{"}]


@pytest.mark.parametrize("count", [40, pytest.param(2000, marks=pytest.mark.slow)])
def test_counts_add_up(count: int, sluice: Sluice, deployment: Deployment, ingest_events_off: None) -> None:
    """Each command counts every version in S3 exactly once."""
    name, s3, ingest = unique_name(), deployment.client("s3"), deployment.ingest

    def put(bucket: str, puts: list[dict]) -> None:
        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(s3.put_object, Bucket=bucket, **one) for one in puts]:
                done.result()

    valid = [{"Key": f"{name}/{number}.json", "Body": music(name, f"TRACK#{number}")} for number in range(count)]
    put(ingest.processing, [*valid, *hostile_objects(name)])
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=ingest.processing, Prefix=f"{name}/", EncodingType="url"
    )
    total_versions = sum(len(page.get("Versions", [])) for page in pages)
    assert total_versions == count + len(hostile_objects(name))
    found = sluice("reconcile", "--prefix", f"{name}/", "--grace", "0", "--format", "json")
    total = found.lines[-1]
    parts = ("stored", "duplicate", "refused", "too_large", "unreadable", "gone", "young", "without_end", "not_read")
    assert found.code == 1 and total["total"] == total_versions == sum(total[part] for part in parts)
    assert (total["unreadable"], total["without_end"], total["without_item_and_reason"]) == (
        2,
        total_versions - 2,
        count,
    )
    assert len(found.lines) - 1 == total_versions, "each version is a row"
    everything = sluice.run("backfill", "--prefix", f"{name}/", "--format", "json").lines[-1]
    missing = sluice.run("backfill", "--missing", "--prefix", f"{name}/", "--format", "json").lines[-1]
    assert (everything["versions"], missing["listed"]) == (total_versions, total_versions)
    assert (missing["versions"], missing["unreadable"]) == (total["without_end"], total["unreadable"])

    before = sluice("status", "--format", "json").lines[0]["quarantined"]
    put(ingest.quarantine, quarantined_objects(name, count))
    try:
        check_quarantine(sluice, name, count, before)
    finally:
        # Other tests count the versions in quarantine too.
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=ingest.quarantine, Prefix=f"{name}/")
        for page in pages:
            objects = [{"Key": found["Key"]} for found in page.get("Contents", [])]
            s3.delete_objects(Bucket=ingest.quarantine, Delete={"Objects": objects})


def check_quarantine(sluice: Sluice, name: str, count: int, before: int) -> None:
    listed = sluice("quarantine", "list", "--prefix", f"{name}/", "--format", "json")
    assert listed.code == 1 and (listed.lines[-1]["count"], listed.lines[-1]["not_read"]) == (count + 2, 1)
    assert len({(line["key"], line["copy_key"]) for line in listed.lines[:-1]}) == count + 2
    assert sluice("status", "--format", "json").lines[0]["quarantined"] == before + count + 2
    for key in (f"{name}/0.json", f"{name}/0.json/V", f"{name}/0.json/V{REASON_SUFFIX}"):
        assert sluice.run("quarantine", "check", key, "--format", "json").lines[0]["versions"] == ["V"]


def test_no_error_is_classified_by_words() -> None:
    """The messages of AWS are printed, never searched."""
    paths = sorted((ROOT / "crates" / "sluice" / "src").rglob("*.rs"))
    assert paths
    for path in paths:
        source = path.read_text().partition("#[cfg(test)]")[0]
        for line in source.splitlines():
            assert not ("contains(" in line and any(word in line for word in ("Denied", "NonExistent", "dispatch"))), (
                f"{path}: {line}"
            )
