"""Two thousand object versions as the audits find them: put, worked on by operators, damaged, and counted directly."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import ClientError

from .. import accounts, census, evidence, facts, local, oddities, paths
from ..deployment import Deployment
from ..oddities import Odd
from ..terraform import Terraform
from . import ahead
from .conftest import packaged
from .sluice_tool import at_work
from .waiting import eventually

COUNT = int(os.environ.get("SLUICE_E2E_OBJECTS") or 2000)
UPLOADERS = 16
REASON = ("--reason", "the audit's test")

Version = census.Version


@dataclass
class Prepared:
    terraform: Terraform
    deployment: Deployment
    put: dict[Version, Odd] = field(default_factory=dict)
    # What arrived while events were lost.
    unheard: set[Version] = field(default_factory=set)
    # Between what may have an outcome and what is young, in seconds since 1970.
    cut: float = 0.0
    deleted_items: list[Version] = field(default_factory=list)
    released: list[Version] = field(default_factory=list)
    removed: list[Version] = field(default_factory=list)
    # Keys in quarantine.
    garbage: list[str] = field(default_factory=list)
    without_reason: list[str] = field(default_factory=list)
    without_copy: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)


def applied() -> Prepared:
    """A stack of its own."""
    stack = paths.stack("audits")
    running = local.up(stack, fresh=True)
    terraform = Terraform(stack, running, accounts.load(stack)["deployer"])
    ahead.of(packaged)
    terraform.init()
    terraform.plan()
    terraform.apply()
    return Prepared(terraform, Deployment(stack, running, terraform.outputs()))


def fill(made: Prepared) -> None:
    """All of it arrives, operators are at work, and a manifest covers it."""
    deployment = made.deployment
    late = [*oddities.second(), *oddities.unannounced(), *oddities.young()]
    put(made, oddities.first(COUNT - len(late) - 1))
    settle(deployment)
    put(made, oddities.second())
    [version_id] = [version_id for key, version_id in made.put if key == f"{oddities.FOLDER}atk"]
    put(made, [oddities.nested(version_id)])
    settle(deployment)
    work_as_operators(made)
    settle(deployment)
    heard = set(made.put)
    switch(deployment, on=False)
    put(made, oddities.unannounced())
    damage(made)
    before = time.time()
    evidence.seal(deployment)
    made.cut = (before + time.time()) / 2
    put(made, oddities.young())
    made.unheard = made.put.keys() - heard


def switch(deployment: Deployment, on: bool) -> None:
    """Whether functions hear of what arrives."""
    events = deployment.client("events")
    for rule in (deployment.ingest.rule, *deployment.provenance.rules):
        (events.enable_rule if on else events.disable_rule)(Name=rule)


def put(made: Prepared, odds: Iterable[Odd]) -> None:
    s3, bucket, odds = made.deployment.client("s3"), made.deployment.ingest.processing, list(odds)

    def one(odd: Odd) -> Version:
        answer = s3.put_object(Bucket=bucket, Key=odd.key, Body=odd.body, **odd.extra)
        return odd.key, answer["VersionId"]

    with ThreadPoolExecutor(UPLOADERS) as pool:
        made.put |= dict(zip(pool.map(one, odds), odds, strict=True))


def settle(deployment: Deployment) -> None:
    urls = (deployment.ingest.queue_url, deployment.provenance.queue_url)
    eventually(lambda: not any(facts.depth(deployment, url) for url in urls), "empty queues", patience=300)


def work_as_operators(made: Prepared) -> None:
    """What operators do by hand and with the tool: items deleted, one version released, one removed."""
    deployment = made.deployment
    dynamodb, ingest = deployment.client("dynamodb"), deployment.ingest

    def delete(item: tuple[str, str]) -> None:
        keys = {ingest.hash_key: {"S": item[0]}, ingest.range_key: {"S": item[1]}}
        dynamodb.delete_item(TableName=ingest.table, Key=keys)

    stored = [version for version, odd in made.put.items() if odd.what == "plain" and odd.outcome == "stored"]
    for version in stored[-5:]:
        delete(made.put[version].item or ("", ""))
        made.deleted_items.append(version)
    for version in stored[-8:-5]:
        deployment.client("s3").delete_object(Bucket=ingest.processing, Key=version[0])  # a delete marker
    refused = [version for version, odd in made.put.items() if odd.what == "plain" and odd.outcome == "invalid"]
    made.removed, made.released = refused[-2:-1], refused[-1:]
    with tempfile.TemporaryDirectory() as folder:
        sluice = at_work(deployment, Path(folder))
        for key, version_id in made.removed:
            sluice.done("quarantine", "remove", key, "--version", version_id, "--yes", *REASON)
        for key, version_id in made.released:
            sluice.done("quarantine", "release", key, "--version", version_id, *REASON)


def damage(made: Prepared) -> None:
    """What nobody's tool would leave in quarantine: records that are none, copies and records alone, strangers."""
    deployment = made.deployment
    s3, bucket = deployment.client("s3"), deployment.ingest.quarantine
    refused = [version for version, odd in made.put.items() if odd.what == "plain" and odd.outcome == "invalid"]

    def record(version: Version) -> str:
        return f"{version[0]}/{version[1]}{census.SUFFIX}"

    for number, body in enumerate((b"\x1b[2Jno record", b'{"end": "invalid"}', b"")):
        made.garbage.append(record(refused[number]))
        s3.put_object(Bucket=bucket, Key=made.garbage[-1], Body=body)
    for version in refused[3:5]:
        made.without_reason.append(f"{version[0]}/{version[1]}")
        purge(deployment, bucket, record(version))
    for version in refused[5:7]:
        made.without_copy.append(record(version))
        purge(deployment, bucket, f"{version[0]}/{version[1]}")
    made.strangers.append("somebody's notes \x1b[31m.txt")
    s3.put_object(Bucket=bucket, Key=made.strangers[0], Body=b"what is this?")


def purge(deployment: Deployment, bucket: str, key: str) -> None:
    for _, listed in census.versions(deployment, bucket, key):
        if listed.key == key:
            deployment.client("s3").delete_object(Bucket=bucket, Key=key, VersionId=listed.version_id)


@dataclass
class Counted:
    """The same by direct reads."""

    census: census.Census
    # Each version in the processing bucket that is data: stored | duplicate | refused | unreadable | none.
    here: dict[Version, str]
    young: set[Version]

    def of(self, outcome: str) -> set[Version]:
        return {version for version, found in self.here.items() if found == outcome}


def count(made: Prepared) -> Counted:
    deployment = made.deployment
    found, ingest = census.take(deployment), deployment.ingest
    reasons = {f"{key}/{version_id}" for key, version_id in found.present} & {
        key.removesuffix(census.SUFFIX) for key in found.reasons
    }
    hashes = {
        tuple(item[name]["S"] for name in (ingest.hash_key, ingest.range_key)): item["_source"]["M"]["sha256"]["S"]
        for item in found.items.values()
    }

    def outcome(version: Version) -> str:
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
    with ThreadPoolExecutor(UPLOADERS) as pool:
        here = dict(zip(data, pool.map(outcome, data), strict=True))
    return Counted(found, here, {version for version, odd in made.put.items() if odd.what == "young"})


def item_of(body: bytes) -> tuple[str, str]:
    try:
        found = json.loads(body)
        return found["ArtistID"]["S"], found["ItemID"]["S"]
    except (ValueError, KeyError, TypeError):
        return ("", "")
