"""Provenance on a stack: files arrive, receipts and manifests come to be, and somebody tampers with them."""

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

PATIENCE = 60.0
GRACE = 61.0  # a manifest covers what is older than a minute


def mirrored(path: str) -> str:
    """A key in the key of its receipt: parts that file systems or SQL would not see have a `~` in front. What is longer
    or could be taken for a receipt is not here."""
    return "/".join(f"~{part}" if part[:1] in ("", ".", "_", "~") else part for part in path.split("/"))


@dataclass(frozen=True)
class Version:
    bucket: str
    key: str
    version_id: str
    body: bytes

    @property
    def receipt(self) -> str:
        """Its receipt's key."""
        return f"provenance/{self.bucket}/{mirrored(self.key)}/{mirrored(self.version_id)}.json"


FILES: dict[str, bytes] = {
    "incoming/report.csv": b"artist,streams\nISOKNOCK,6000000\n",
    "incoming/2026/11/a+b & 100% ü.json": b'{"ok":true}',
    "incoming/_draft//.hidden": b"parts that SQL passes over\n",
    "incoming/empty.txt": b"",
    "incoming/large.bin": bytes(range(256)) * 40_960,  # 10 MiB: several parts
    "incoming/replaced.csv": b"its receipt will be replaced\n",
    "incoming/removed.csv": b"its receipt will be removed\n",
    "incoming/deleted.csv": b"its version will be deleted\n",
}


def put(deployment: Deployment, key: str, body: bytes, user: str = "provenance-uploader") -> Version:
    bucket = deployment.provenance.data
    answer = deployment.client("s3", user).put_object(Bucket=bucket, Key=key, Body=body)
    return Version(bucket, key, answer["VersionId"], body)


def receipt(deployment: Deployment, version: Version) -> dict | None:
    """The receipt of a version, if it is there; that it is unreadable, if that is what is recorded."""
    for key in (version.receipt, version.receipt.removesuffix(".json") + ".unreadable.json"):
        try:
            answer = deployment.client("s3").get_object(Bucket=deployment.provenance.receipts, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                continue
            raise
        return json.loads(answer["Body"].read())
    return None


def keys(deployment: Deployment, prefix: str) -> list[str]:
    """Current keys of the receipts bucket."""
    pages = deployment.client("s3").get_paginator("list_objects_v2")
    found = pages.paginate(Bucket=deployment.provenance.receipts, Prefix=prefix)
    return [entry["Key"] for page in found for entry in page.get("Contents", [])]


def until(fact: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not fact():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {patience:.0f} s in vain: {what}")
        time.sleep(0.2)


def arrive(deployment: Deployment) -> list[Version]:
    """The files arrive, and each has its receipt."""
    versions = [put(deployment, key, body) for key, body in FILES.items()]
    until(lambda: all(receipt(deployment, version) for version in versions), "a receipt for each file")
    return versions


def seal(deployment: Deployment, since: float | None = None) -> dict:
    """Lets everything recorded up to `since` (of the monotonic clock; now) into a manifest; what the ledger says."""
    ready = (time.monotonic() if since is None else since) + GRACE
    time.sleep(max(0.0, ready - time.monotonic()))
    answer = deployment.client("lambda").invoke(
        FunctionName=deployment.provenance.ledger_function, Payload=json.dumps({"until": "now"}).encode()
    )
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise SystemExit(f"the ledger failed: {said}")
    return said


@dataclass(frozen=True)
class Tampered:
    """What was done, and the finding that has to name it."""

    what: str
    kind: str
    names: str


def tamper(deployment: Deployment, versions: list[Version]) -> list[Tampered]:
    """A receipt is replaced, one removed, one invented; an object version is deleted, one written unseen."""
    s3, place = deployment.client("s3"), deployment.provenance.receipts
    by_key = {version.key: version for version in versions}
    replaced, removed, deleted = (by_key[f"incoming/{name}.csv"] for name in ("replaced", "removed", "deleted"))

    forged = (receipt(deployment, replaced) or {}) | {"sha256": "0" * 64}
    s3.put_object(Bucket=place, Key=replaced.receipt, Body=_line(forged))

    for found in s3.list_object_versions(Bucket=place, Prefix=removed.receipt)["Versions"]:
        s3.delete_object(Bucket=place, Key=removed.receipt, VersionId=found["VersionId"])

    [unseen] = unwatched(deployment, lambda: [put(deployment, "incoming/unseen.csv", b"nobody looked\n", "deployer")])
    invented = (receipt(deployment, by_key["incoming/report.csv"]) or {}) | {
        "key": "incoming/invented.csv",
        "version_id": "invented",
    }
    fake = Version(replaced.bucket, "incoming/invented.csv", "invented", b"")
    s3.put_object(Bucket=place, Key=fake.receipt, Body=_line(invented))

    s3.delete_object(Bucket=deleted.bucket, Key=deleted.key, VersionId=deleted.version_id)
    return [
        Tampered("a receipt replaced", "receipt-changed", replaced.key),
        Tampered("a receipt removed", "receipt-missing", removed.key),
        Tampered("a receipt invented", "receipt-unlisted", fake.key),
        Tampered("an object version deleted", "version-missing", deleted.key),
        Tampered("a version written with the rule switched off", "version-unrecorded", unseen.key),
    ]


def forge(deployment: Deployment, key: str, **says: object) -> Version:
    """A receipt of a version that never was, with its journal entry, so that the ledger signs for it."""
    s3, place = deployment.client("s3"), deployment.provenance.receipts
    fake = Version(deployment.provenance.data, key, uuid.uuid4().hex, b"")
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"
    record = {"bucket": fake.bucket, "key": key, "version_id": fake.version_id, "recorded_at": stamp} | says
    body = _line(record)
    entry = {"receipt": fake.receipt, "sha256": hashlib.sha256(body).hexdigest(), "recorded_at": stamp}
    journal = f"journal/{stamp.replace(':', '-')}/{entry['sha256']}.json"
    for name, bytes_ in ((journal, json.dumps(entry, separators=(",", ":")).encode()), (fake.receipt, body)):
        s3.put_object(Bucket=place, Key=name, Body=bytes_, IfNoneMatch="*")
    return fake


def deliver(deployment: Deployment, at: float, *created: Version) -> str:
    """A log as CloudTrail delivers it, with the creations of these versions at this time; its key. The emulator
    delivers none."""
    names, here, when = deployment.provenance, deployment.emulator, time.gmtime(at)
    records = [
        {
            "eventName": "PutObject",
            "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", when),
            "requestParameters": {"bucketName": version.bucket, "key": version.key},
            "responseElements": {"x-amz-version-id": version.version_id},
        }
        for version in created
    ]
    folder = time.strftime(f"{names.trail_prefix}{here.region}/%Y/%m/%d/", when)
    stamp = time.strftime("%Y%m%dT%H%MZ", time.gmtime(at - at % 300))
    name = f"{here.account}_CloudTrail_{here.region}_{stamp}_{uuid.uuid4().hex[:16]}.json.gz"
    body = gzip.compress(json.dumps({"Records": records}).encode())
    deployment.client("s3").put_object(Bucket=names.trail_bucket, Key=folder + name, Body=body)
    return folder + name


def unwatched(deployment: Deployment, act: Callable[[], list[Version]]) -> list[Version]:
    """Writes versions while the rules are off."""
    events = deployment.client("events")
    for rule in deployment.provenance.rules:
        events.disable_rule(Name=rule)
    try:
        versions = act()
        time.sleep(2)
    finally:
        for rule in deployment.provenance.rules:
            events.enable_rule(Name=rule)
    if any(receipt(deployment, version) for version in versions):
        raise SystemExit("the rule was switched off, and a version has a receipt")
    return versions


def difference(tampered: list[Tampered], findings: list[dict]) -> list[str]:
    """Where the findings are not exactly what was done; empty if they are."""

    def fits(one: Tampered, finding: dict) -> bool:
        place = finding.get("key") or finding.get("evidence", "")
        return finding["finding"] == one.kind and one.names in place

    missed = [one for one in tampered if not any(fits(one, finding) for finding in findings)]
    extra = [finding for finding in findings if not any(fits(one, finding) for one in tampered)]
    return [f"not found: {one.what}" for one in missed] + [f"not done: {json.dumps(finding)}" for finding in extra]


def _line(document: dict) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
