"""Files and events sent to a deployed ingest."""

from __future__ import annotations

import json
import time
import uuid

from . import readback
from .deployment import Deployment


def upload(deployment: Deployment, key: str, body: bytes, **further: str) -> str:
    """Puts one file as the uploader role, with further arguments of PutObject; returns its version-id."""
    answer = deployment.client("s3", "uploader-role").put_object(
        Bucket=deployment.ingest.processing, Key=key, Body=body, **further
    )
    return answer["VersionId"]


def send_event(deployment: Deployment, message: dict) -> None:
    deployment.client("sqs").send_message(QueueUrl=deployment.ingest.queue_url, MessageBody=json.dumps(message))


def object_created(deployment: Deployment, key: str, version_id: str | None, size: int) -> dict:
    """The event that EventBridge sends to the queue, with the version-id that AWS sends and the emulator omits."""
    bucket = deployment.ingest.processing
    version = {"version-id": version_id} if version_id else {}
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": deployment.emulator.account,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "region": deployment.emulator.region,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {"key": key, "size": size, "etag": "0" * 32, **version, "sequencer": "0" * 16},
            "request-id": "0123456789ABCDEF",
            "requester": deployment.emulator.account,
            "source-ip-address": "127.0.0.1",
            "reason": "PutObject",
        },
    }


def queue_is_empty(deployment: Deployment) -> bool:
    return readback.depth(deployment, deployment.ingest.queue_url) == 0
