"""Provenance on a stack: uploads files, waits for receipts and manifests, and tampers with them."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from .deployment import Deployment

TIMEOUT_S = 60.0
GRACE_S = 61.0  # a manifest covers receipts that are older than a minute


def mirrored(path: str) -> str:
    """A source key as part of its receipt's key: `~` precedes each part that file systems or SQL would skip. Parts that
    are too long, or that could be taken for a receipt, are not handled here."""
    return "/".join(f"~{part}" if part[:1] in ("", ".", "_", "~") else part for part in path.split("/"))


@dataclass(frozen=True)
class ObjectVersion:
    bucket: str
    key: str
    version_id: str
    body: bytes

    @property
    def receipt_key(self) -> str:
        return f"provenance/{self.bucket}/{mirrored(self.key)}/{mirrored(self.version_id)}.json"


FILES: dict[str, bytes] = {
    "incoming/report.csv": b"artist,streams\nISOKNOCK,6000000\n",
    "incoming/2026/11/a+b & 100% ü.json": b'{"ok":true}',
    "incoming/_draft//.hidden": b"parts that SQL skips\n",
    "incoming/empty.txt": b"",
    "incoming/large.bin": bytes(range(256)) * 40_960,  # 10 MiB: several parts
    "incoming/replaced.csv": b"its receipt will be replaced\n",
    "incoming/removed.csv": b"its receipt will be removed\n",
    "incoming/deleted.csv": b"its version will be deleted\n",
}


def put(deployment: Deployment, key: str, body: bytes, user: str = "provenance-uploader") -> ObjectVersion:
    bucket = deployment.provenance.data
    answer = deployment.client("s3", user).put_object(Bucket=bucket, Key=key, Body=body)
    return ObjectVersion(bucket, key, answer["VersionId"], body)


def receipt(deployment: Deployment, version: ObjectVersion) -> dict | None:
    """The receipt of a version, or the record that it is unreadable; None if there is neither."""
    for key in (version.receipt_key, version.receipt_key.removesuffix(".json") + ".unreadable.json"):
        try:
            answer = deployment.client("s3").get_object(Bucket=deployment.provenance.receipts, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                continue
            raise
        return json.loads(answer["Body"].read())
    return None


def keys(deployment: Deployment, prefix: str) -> list[str]:
    """The current keys of the receipts bucket."""
    pages = deployment.client("s3").get_paginator("list_objects_v2")
    found = pages.paginate(Bucket=deployment.provenance.receipts, Prefix=prefix)
    return [entry["Key"] for page in found for entry in page.get("Contents", [])]


def wait_for(condition: Callable[[], object], what: str, timeout_s: float = TIMEOUT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"no {what} within {timeout_s:.0f} s")
        time.sleep(0.2)


def upload_files(deployment: Deployment) -> list[ObjectVersion]:
    """Uploads FILES and waits for their receipts."""
    versions = [put(deployment, key, body) for key, body in FILES.items()]
    wait_for(lambda: all(receipt(deployment, version) for version in versions), "receipt for each file")
    return versions


def write_manifest(deployment: Deployment, since: float | None = None) -> dict:
    """Writes a manifest of everything recorded up to `since` (monotonic clock; default: now); the ledger's answer."""
    ready = (time.monotonic() if since is None else since) + GRACE_S
    time.sleep(max(0.0, ready - time.monotonic()))
    answer = deployment.client("lambda").invoke(
        FunctionName=deployment.provenance.ledger_function, Payload=json.dumps({"until": "now"}).encode()
    )
    payload = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise SystemExit(f"the ledger failed: {payload}")
    return payload


@dataclass(frozen=True)
class Tampered:
    """One change, and the finding that must report it."""

    what: str
    kind: str
    names: str


def tamper(deployment: Deployment, versions: list[ObjectVersion]) -> list[Tampered]:
    """Replaces, removes and forges a receipt; deletes an object version, and writes one without an event."""
    s3, receipts = deployment.client("s3"), deployment.provenance.receipts
    by_key = {version.key: version for version in versions}
    replaced, removed, deleted = (by_key[f"incoming/{name}.csv"] for name in ("replaced", "removed", "deleted"))

    replacement = (receipt(deployment, replaced) or {}) | {"sha256": "0" * 64}
    s3.put_object(Bucket=receipts, Key=replaced.receipt_key, Body=_line(replacement))

    for found in s3.list_object_versions(Bucket=receipts, Prefix=removed.receipt_key)["Versions"]:
        s3.delete_object(Bucket=receipts, Key=removed.receipt_key, VersionId=found["VersionId"])

    [unrecorded] = put_without_events(
        deployment, lambda: [put(deployment, "incoming/unseen.csv", b"no event\n", "deployer")]
    )
    record = (receipt(deployment, by_key["incoming/report.csv"]) or {}) | {
        "key": "incoming/invented.csv",
        "version_id": "invented",
    }
    forged = ObjectVersion(replaced.bucket, "incoming/invented.csv", "invented", b"")
    s3.put_object(Bucket=receipts, Key=forged.receipt_key, Body=_line(record))

    s3.delete_object(Bucket=deleted.bucket, Key=deleted.key, VersionId=deleted.version_id)
    return [
        Tampered("a receipt replaced", "receipt-changed", replaced.key),
        Tampered("a receipt removed", "receipt-missing", removed.key),
        Tampered("a receipt forged", "receipt-unlisted", forged.key),
        Tampered("an object version deleted", "version-missing", deleted.key),
        Tampered("a version written while the rule is disabled", "version-unrecorded", unrecorded.key),
    ]


def forge(deployment: Deployment, key: str, **fields: object) -> ObjectVersion:
    """Writes a receipt of a version that never existed, and its journal entry, so that the ledger signs it."""
    s3, receipts = deployment.client("s3"), deployment.provenance.receipts
    forged = ObjectVersion(deployment.provenance.data, key, uuid.uuid4().hex, b"")
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"
    record = {"bucket": forged.bucket, "key": key, "version_id": forged.version_id, "recorded_at": stamp} | fields
    body = _line(record)
    entry = {"receipt": forged.receipt_key, "sha256": hashlib.sha256(body).hexdigest(), "recorded_at": stamp}
    journal = f"journal/{stamp.replace(':', '-')}/{entry['sha256']}.json"
    for name, bytes_ in ((journal, json.dumps(entry, separators=(",", ":")).encode()), (forged.receipt_key, body)):
        s3.put_object(Bucket=receipts, Key=name, Body=bytes_, IfNoneMatch="*")
    return forged


def deliver_log(deployment: Deployment, at: float, *created: ObjectVersion) -> str:
    """Puts a log file as CloudTrail delivers it, with the creation of these versions at this time; returns its key.
    The emulator delivers no log files."""
    records = [
        {
            "eventName": "PutObject",
            "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
            "requestParameters": {"bucketName": version.bucket, "key": version.key},
            "responseElements": {"x-amz-version-id": version.version_id},
        }
        for version in created
    ]
    return deliver_records(deployment, at, records)


def deliver_records(deployment: Deployment, at: float, records: list[dict]) -> str:
    """Puts a log file with these records as CloudTrail delivers it at this time; returns its key."""
    names, emulator, when = deployment.provenance, deployment.emulator, time.gmtime(at)
    folder = time.strftime(f"{names.trail_prefix}{emulator.region}/%Y/%m/%d/", when)
    stamp = time.strftime("%Y%m%dT%H%MZ", time.gmtime(at - at % 300))
    name = f"{emulator.account}_CloudTrail_{emulator.region}_{stamp}_{uuid.uuid4().hex[:16]}.json.gz"
    body = gzip.compress(json.dumps({"Records": records}).encode())
    deployment.client("s3").put_object(Bucket=names.trail_bucket, Key=folder + name, Body=body)
    return folder + name


def put_without_events(deployment: Deployment, write: Callable[[], list[ObjectVersion]]) -> list[ObjectVersion]:
    """Runs `write` while the rules are disabled, so that its versions get no receipt."""
    events = deployment.client("events")
    for rule in deployment.provenance.rules:
        events.disable_rule(Name=rule)
    try:
        versions = write()
        time.sleep(2)
    finally:
        for rule in deployment.provenance.rules:
            events.enable_rule(Name=rule)
    if any(receipt(deployment, version) for version in versions):
        raise SystemExit("a version that was written while the rules were disabled has a receipt")
    return versions


def difference(tampered: list[Tampered], findings: list[dict]) -> list[str]:
    """The changes without a finding, and the findings without a change; empty if they match."""

    def reports(finding: dict, change: Tampered) -> bool:
        key = finding.get("key") or finding.get("evidence", "")
        return finding["finding"] == change.kind and change.names in key

    missed = [change for change in tampered if not any(reports(finding, change) for finding in findings)]
    extra = [finding for finding in findings if not any(reports(finding, change) for change in tampered)]
    return [f"not found: {change.what}" for change in missed] + [
        f"not done: {json.dumps(finding)}" for finding in extra
    ]


def _line(document: dict) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
