"""Counts by other means: where every version of an ingest is, read directly from its table and its buckets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from . import facts
from .deployment import Deployment

SUFFIX = ".reason.json"
OWN = "_sluice/"
READERS = 16

Version = tuple[str, str]  # key and version-id


@dataclass(frozen=True)
class Listed:
    key: str
    version_id: str
    etag: str
    size: int
    storage_class: str


@dataclass
class Census:
    """Where each version is: a stored one is `present` and among `items`, a refused one has a copy and a reason."""

    present: dict[Version, Listed] = field(default_factory=dict)
    markers: list[Version] = field(default_factory=list)
    items: dict[Version, dict[str, Any]] = field(default_factory=dict)
    foreign_items: list[dict[str, Any]] = field(default_factory=list)
    # By the key in quarantine.
    copies: dict[str, Listed] = field(default_factory=dict)
    reasons: dict[str, bytes] = field(default_factory=dict)

    def reason_of(self) -> dict[Version, tuple[str, dict]]:
        """The reason records that can be read, by the version they are about, each with the key of its copy."""
        found = {}
        for key, body in self.reasons.items():
            document = readable(body)
            if document is not None:
                source = document["source"]
                found[source["key"], source["version_id"]] = (key.removesuffix(SUFFIX), document)
        return found


def readable(body: bytes) -> dict | None:
    """A reason record, or None where the bytes are none."""
    try:
        document = json.loads(body)
        source = document["source"]
        whole = isinstance(document["end"], str) and isinstance(document["reasons"], list)
        return document if whole and source["key"] and source["version_id"] and source["bucket"] else None
    except (ValueError, KeyError, TypeError):
        return None


def take(deployment: Deployment, prefix: str = "") -> Census:
    """Reads everything; nothing may be under way."""
    ingest, census = deployment.ingest, Census()
    for kind, listed in versions(deployment, ingest.processing, prefix):
        if kind == "marker":
            census.markers.append((listed.key, listed.version_id))
        elif not listed.key.startswith(OWN):
            census.present[listed.key, listed.version_id] = listed
    for item in items(deployment):
        source = facts.source_of(item) if "_source" in item else {}
        if source.get("bucket") == ingest.processing:
            census.items[source["key"], source["version_id"]] = item
        else:
            census.foreign_items.append(item)
    current = {}
    for kind, listed in versions(deployment, ingest.quarantine, prefix):
        # Newest first: what an operator removed begins with nothing at all, as versions are deleted one by one.
        if kind == "version":
            current.setdefault(listed.key, listed)
    suffixed = [key for key in current if key.endswith(SUFFIX)]
    bodies = read(deployment, ingest.quarantine, suffixed)
    # A copy may be of a key that ends like a record, but then its own record ends so twice.
    census.reasons = {key: body for key, body in bodies.items() if f"{key}{SUFFIX}" not in current}
    census.copies = {key: listed for key, listed in current.items() if key not in census.reasons}
    return census


def versions(deployment: Deployment, bucket: str, prefix: str = "") -> Iterator[tuple[str, Listed]]:
    """Every version and delete marker."""
    s3 = deployment.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Versions", []):
            yield (
                "version",
                Listed(
                    found["Key"],
                    found["VersionId"],
                    found["ETag"].strip('"'),
                    found["Size"],
                    found.get("StorageClass", "STANDARD"),
                ),
            )
        for found in page.get("DeleteMarkers", []):
            yield "marker", Listed(found["Key"], found["VersionId"], "", 0, "")


def items(deployment: Deployment) -> Iterator[dict[str, Any]]:
    pages = deployment.client("dynamodb").get_paginator("scan")
    for page in pages.paginate(TableName=deployment.ingest.table, ConsistentRead=True):
        yield from page["Items"]


def read(deployment: Deployment, bucket: str, keys: Iterable[str]) -> dict[str, bytes]:
    s3, keys = deployment.client("s3"), list(keys)

    def body(key: str) -> bytes:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    with ThreadPoolExecutor(READERS) as pool:
        return dict(zip(keys, pool.map(body, keys), strict=True))
