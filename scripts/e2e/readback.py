"""Reads back what a deployed ingest has done: from its table, its buckets, its queues and its log."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from .deployment import Deployment


@dataclass(frozen=True)
class Quarantined:
    outcome: str
    reasons: str
    source: dict
    document: dict = field(repr=False)
    body: bytes = field(repr=False)


def log_lines(deployment: Deployment, since_ms: int = 0) -> list[dict]:
    """The function's own JSON lines, oldest first."""
    pages = (
        deployment.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=deployment.ingest.log_group, startTime=since_ms)
    )
    lines = []
    for page in pages:
        for event in page["events"]:
            for line in event["message"].splitlines():
                if line.startswith("{"):
                    lines.append(json.loads(line))
    return lines


def outcomes(lines: list[dict]) -> dict[str, list[dict]]:
    """The log lines that report an outcome, by version-id."""
    found: dict[str, list[dict]] = {}
    for line in lines:
        if "end" in line:
            found.setdefault(line.get("version_id", ""), []).append(line)
    return found


def metric(lines: list[dict], name: str) -> float:
    """The sum of a metric over the embedded-metric lines."""
    total = 0.0
    for line in lines:
        if "_aws" in line and name in line:
            value = line[name]
            total += sum(value) if isinstance(value, list) else value
    return total


def item(deployment: Deployment, key: tuple[str, str]) -> dict[str, Any] | None:
    """The item with this hash and range key; a table without a range key is read by the hash key alone."""
    ingest = deployment.ingest
    keys = {name: {"S": value} for name, value in zip((ingest.hash_key, ingest.range_key), key, strict=True) if name}
    answer = deployment.client("dynamodb").get_item(TableName=ingest.table, Key=keys, ConsistentRead=True)
    return answer.get("Item")


def source_of(found: dict[str, Any]) -> dict[str, str]:
    """An item's `_source` as plain values."""
    return {name: next(iter(value.values())) for name, value in found["_source"]["M"].items()}


def version_exists(deployment: Deployment, key: str, version_id: str) -> bool:
    """Lists, because S3 refuses HeadObject of a version that its uploader encrypted with an own key (SSE-C)."""
    listing = deployment.client("s3").get_paginator("list_object_versions")
    pages = listing.paginate(Bucket=deployment.ingest.processing, Prefix=key)
    found = (version for page in pages for version in page.get("Versions", []))
    return any((version["Key"], version["VersionId"]) == (key, version_id) for version in found)


def quarantined(deployment: Deployment, key: str, version_id: str) -> Quarantined | None:
    """The copy and its reason record, read by the operator's role; None unless both exist."""
    s3, bucket = deployment.client("s3", "operator-role"), deployment.ingest.quarantine
    copy_key = f"{key}/{version_id}"
    try:
        body = s3.get_object(Bucket=bucket, Key=copy_key)["Body"].read()
        document = json.loads(s3.get_object(Bucket=bucket, Key=f"{copy_key}.reason.json")["Body"].read())
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
    reasons = json.dumps(document["reasons"], ensure_ascii=False)
    if other := document.get("other"):
        reasons += " " + json.dumps(other, ensure_ascii=False)
    return Quarantined(document["end"], reasons, document["source"], document, body)


def quarantine_keys(deployment: Deployment) -> set[str]:
    pages = (
        deployment.client("s3", "operator-role")
        .get_paginator("list_objects_v2")
        .paginate(Bucket=deployment.ingest.quarantine)
    )
    return {entry["Key"] for page in pages for entry in page.get("Contents", [])}


def depth(deployment: Deployment, url: str) -> int:
    """The number of messages in a queue, visible or in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = deployment.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)
