"""Where every version of an ingest is, read directly from its table and its buckets, without the tool under test."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from . import readback
from .deployment import Deployment

REASON_SUFFIX = ".reason.json"
RESERVED_PREFIX = "_sluice/"
MAX_CONCURRENT_READS = 16

KeyVersion = tuple[str, str]  # key and version-id


@dataclass(frozen=True)
class ListedVersion:
    key: str
    version_id: str
    etag: str
    size: int
    storage_class: str


@dataclass
class Inventory:
    """A stored version is in `present` and in `items`; a quarantined one is in `copies` and in `reasons`."""

    present: dict[KeyVersion, ListedVersion] = field(default_factory=dict)
    delete_markers: list[KeyVersion] = field(default_factory=list)
    items: dict[KeyVersion, dict[str, Any]] = field(default_factory=dict)
    foreign_items: list[dict[str, Any]] = field(default_factory=list)
    # By key in the quarantine bucket.
    copies: dict[str, ListedVersion] = field(default_factory=dict)
    reasons: dict[str, bytes] = field(default_factory=dict)

    def reasons_by_version(self) -> dict[KeyVersion, tuple[str, dict]]:
        """The valid reason records by source version, each with the key of its copy."""
        found = {}
        for key, body in self.reasons.items():
            document = parse_reason(body)
            if document is not None:
                source = document["source"]
                found[source["key"], source["version_id"]] = (key.removesuffix(REASON_SUFFIX), document)
        return found


def parse_reason(body: bytes) -> dict | None:
    """None if the bytes are not a valid reason record."""
    try:
        document = json.loads(body)
        source = document["source"]
        whole = isinstance(document["end"], str) and isinstance(document["reasons"], list)
        return document if whole and source["key"] and source["version_id"] and source["bucket"] else None
    except (ValueError, KeyError, TypeError):
        return None


def take(deployment: Deployment, prefix: str = "") -> Inventory:
    """Reads everything. No version may be in process meanwhile."""
    ingest, inventory = deployment.ingest, Inventory()
    for kind, listed in versions(deployment, ingest.processing, prefix):
        if kind == "marker":
            inventory.delete_markers.append((listed.key, listed.version_id))
        elif not listed.key.startswith(RESERVED_PREFIX):
            inventory.present[listed.key, listed.version_id] = listed
    for item in items(deployment):
        source = readback.source_of(item) if "_source" in item else {}
        if source.get("bucket") == ingest.processing:
            inventory.items[source["key"], source["version_id"]] = item
        else:
            inventory.foreign_items.append(item)
    current = {}
    for kind, listed in versions(deployment, ingest.quarantine, prefix):
        # The newest version of a key comes first. An operator deletes versions one by one, without a delete marker.
        if kind == "version":
            current.setdefault(listed.key, listed)
    suffixed = [key for key in current if key.endswith(REASON_SUFFIX)]
    bodies = read(deployment, ingest.quarantine, suffixed)
    # The source key of a copy may end in the suffix itself; its reason record then ends in it twice.
    inventory.reasons = {key: body for key, body in bodies.items() if f"{key}{REASON_SUFFIX}" not in current}
    inventory.copies = {key: listed for key, listed in current.items() if key not in inventory.reasons}
    return inventory


def versions(deployment: Deployment, bucket: str, prefix: str = "") -> Iterator[tuple[str, ListedVersion]]:
    """Every version and delete marker; first `version` or `marker`."""
    s3 = deployment.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Versions", []):
            yield (
                "version",
                ListedVersion(
                    found["Key"],
                    found["VersionId"],
                    found["ETag"].strip('"'),
                    found["Size"],
                    found.get("StorageClass", "STANDARD"),
                ),
            )
        for found in page.get("DeleteMarkers", []):
            yield "marker", ListedVersion(found["Key"], found["VersionId"], "", 0, "")


def items(deployment: Deployment) -> Iterator[dict[str, Any]]:
    pages = deployment.client("dynamodb").get_paginator("scan")
    for page in pages.paginate(TableName=deployment.ingest.table, ConsistentRead=True):
        yield from page["Items"]


def read(deployment: Deployment, bucket: str, keys: Iterable[str]) -> dict[str, bytes]:
    s3, keys = deployment.client("s3"), list(keys)

    def body(key: str) -> bytes:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    with ThreadPoolExecutor(MAX_CONCURRENT_READS) as pool:
        return dict(zip(keys, pool.map(body, keys), strict=True))
