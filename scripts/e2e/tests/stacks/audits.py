"""A stack with 2,000 object versions for the audits: uploaded, changed by operators, damaged, and counted directly.

`SLUICE_E2E_OBJECTS` changes the number, for work on the test itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from ... import edge_cases, evidence, inventory, readback
from ...deployment import Deployment
from ...edge_cases import EdgeCase
from ...inventory import REASON_SUFFIX, KeyVersion
from .. import tool_setup
from ..background import Background
from ..ingest_steps import delete_item
from ..polling import eventually
from ..stack_setup import AppliedStack, StackTeardown, apply

NAME = "audits"
COUNT = int(os.environ.get("SLUICE_E2E_OBJECTS") or 2000)
MAX_CONCURRENT_UPLOADS = 16
REASON = ("--reason", "test of the audits")


@dataclass
class AuditedObjects:
    deployment: Deployment
    put: dict[KeyVersion, EdgeCase] = field(default_factory=dict)
    # Versions that arrived while events were lost.
    without_event: set[KeyVersion] = field(default_factory=set)
    # A time between the last version that may have an outcome and the first young one, in seconds since 1970.
    young_since: float = 0.0
    deleted_items: list[KeyVersion] = field(default_factory=list)
    released: list[KeyVersion] = field(default_factory=list)
    removed: list[KeyVersion] = field(default_factory=list)
    # Keys in the quarantine bucket.
    invalid_reasons: list[str] = field(default_factory=list)
    without_reason: list[str] = field(default_factory=list)
    without_copy: list[str] = field(default_factory=list)
    foreign_objects: list[str] = field(default_factory=list)

    def plain(self, outcome: str) -> list[KeyVersion]:
        """The plain objects with this expected outcome."""
        cases = self.put.items()
        return [version for version, case in cases if case.kind == "plain" and case.outcome == outcome]


def fill(made: AuditedObjects) -> None:
    """Uploads all objects, lets operators change some, and writes a manifest of the receipts."""
    deployment = made.deployment
    late = [*edge_cases.second_wave(), *edge_cases.without_events(), *edge_cases.young()]
    put(made, edge_cases.first_wave(COUNT - len(late) - 1))
    wait_for_empty_queues(deployment)
    put(made, edge_cases.second_wave())
    [version_id] = [version_id for key, version_id in made.put if key == f"{edge_cases.FOLDER}atk"]
    put(made, [edge_cases.nested(version_id)])
    wait_for_empty_queues(deployment)
    change_as_operators(made)
    wait_for_empty_queues(deployment)
    with_event = set(made.put)
    enable_events(deployment, False)
    put(made, edge_cases.without_events())
    damage(made)
    before = time.time()
    evidence.write_manifest(deployment)
    made.young_since = (before + time.time()) / 2
    put(made, edge_cases.young())
    made.without_event = made.put.keys() - with_event


def enable_events(deployment: Deployment, enabled: bool) -> None:
    """Enables or disables the rules that send events to the functions."""
    events = deployment.client("events")
    for rule in (deployment.ingest.rule, *deployment.provenance.rules):
        (events.enable_rule if enabled else events.disable_rule)(Name=rule)


def put(made: AuditedObjects, objects: list[EdgeCase]) -> None:
    s3, bucket = made.deployment.client("s3"), made.deployment.ingest.processing

    def put_one(edge_case: EdgeCase) -> KeyVersion:
        answer = s3.put_object(Bucket=bucket, Key=edge_case.key, Body=edge_case.body, **edge_case.extra)
        return edge_case.key, answer["VersionId"]

    with ThreadPoolExecutor(MAX_CONCURRENT_UPLOADS) as pool:
        made.put |= dict(zip(pool.map(put_one, objects), objects, strict=True))


def wait_for_empty_queues(deployment: Deployment) -> None:
    urls = (deployment.ingest.queue_url, deployment.provenance.queue_url)
    eventually(lambda: not any(readback.depth(deployment, url) for url in urls), "empty queues", timeout_s=300)


def change_as_operators(made: AuditedObjects) -> None:
    """Operators delete items and objects by hand, and remove and release a version with the tool."""
    deployment = made.deployment
    ingest = deployment.ingest

    stored = made.plain("stored")
    for version in stored[-5:]:
        delete_item(deployment, made.put[version].item or ("", ""))
        made.deleted_items.append(version)
    for version in stored[-8:-5]:
        deployment.client("s3").delete_object(Bucket=ingest.processing, Key=version[0])  # a delete marker
    quarantined = made.plain("invalid")
    made.removed, made.released = quarantined[-2:-1], quarantined[-1:]
    with tempfile.TemporaryDirectory() as folder:
        sluice = tool_setup.install(deployment, Path(folder))
        for key, version_id in made.removed:
            sluice.run("quarantine", "remove", key, "--version", version_id, "--yes", *REASON)
        for key, version_id in made.released:
            sluice.run("quarantine", "release", key, "--version", version_id, *REASON)


def damage(made: AuditedObjects) -> None:
    """Puts what no tool leaves in quarantine: invalid reason records, copies or records alone, foreign objects."""
    deployment = made.deployment
    s3, bucket = deployment.client("s3"), deployment.ingest.quarantine
    quarantined = made.plain("invalid")

    def reason_key(version: KeyVersion) -> str:
        return f"{version[0]}/{version[1]}{REASON_SUFFIX}"

    for number, body in enumerate((b"\x1b[2Jnot a record", b'{"end": "invalid"}', b"")):
        made.invalid_reasons.append(reason_key(quarantined[number]))
        s3.put_object(Bucket=bucket, Key=made.invalid_reasons[-1], Body=body)
    for version in quarantined[3:5]:
        made.without_reason.append(f"{version[0]}/{version[1]}")
        delete_all_versions(deployment, bucket, reason_key(version))
    for version in quarantined[5:7]:
        made.without_copy.append(reason_key(version))
        delete_all_versions(deployment, bucket, f"{version[0]}/{version[1]}")
    made.foreign_objects.append("notes \x1b[31m.txt")
    s3.put_object(Bucket=bucket, Key=made.foreign_objects[0], Body=b"what is this?")


def delete_all_versions(deployment: Deployment, bucket: str, key: str) -> None:
    for _, listed in inventory.versions(deployment, bucket, key):
        if listed.key == key:
            deployment.client("s3").delete_object(Bucket=bucket, Key=key, VersionId=listed.version_id)


@dataclass
class Counted:
    """The outcomes of the versions by direct reads."""

    inventory: inventory.Inventory
    # Each version in the processing bucket that is data: stored | duplicate | refused | unreadable | none.
    outcomes: dict[KeyVersion, str]
    young: set[KeyVersion]

    def of(self, outcome: str) -> set[KeyVersion]:
        return {version for version, found in self.outcomes.items() if found == outcome}


def count(made: AuditedObjects) -> Counted:
    deployment = made.deployment
    found, ingest = inventory.take(deployment), deployment.ingest
    reasons = {f"{key}/{version_id}" for key, version_id in found.present} & {
        key.removesuffix(REASON_SUFFIX) for key in found.reasons
    }
    hashes = {
        tuple(item[name]["S"] for name in (ingest.hash_key, ingest.range_key)): item["_source"]["M"]["sha256"]["S"]
        for item in found.items.values()
    }

    def outcome(version: KeyVersion) -> str:
        if version in found.items:
            return "stored"
        if "/".join(version) in reasons:
            return "refused"
        try:
            answer = deployment.client("s3").get_object(Bucket=ingest.processing, Key=version[0], VersionId=version[1])
        except ClientError as error:
            assert error.response["Error"]["Code"] in ("InvalidObjectState", "InvalidRequest"), version
            return "unreadable"
        body = answer["Body"].read()
        return "duplicate" if hashes.get(item_of(body)) == hashlib.sha256(body).hexdigest() else "none"

    data = [version for version, listed in found.present.items() if listed.size or not listed.key.endswith("/")]
    with ThreadPoolExecutor(MAX_CONCURRENT_UPLOADS) as pool:
        outcomes = dict(zip(data, pool.map(outcome, data), strict=True))
    return Counted(found, outcomes, {version for version, edge_case in made.put.items() if edge_case.kind == "young"})


def item_of(body: bytes) -> tuple[str, str]:
    try:
        found = json.loads(body)
        return found["ArtistID"]["S"], found["ItemID"]["S"]
    except (ValueError, KeyError, TypeError):
        return ("", "")


@pytest.fixture(scope="session")
def audits_stack_started(packages_started: Background[None], stack_teardown: StackTeardown) -> Background[AppliedStack]:
    stack_teardown.register(NAME)
    return Background(lambda: apply(NAME, packages_started))
