"""Plays the scenario on a deployment and waits until every file has come to its end."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass

from . import facts
from .deployment import Deployment
from .inbox import Inbox
from .judge import Arrival, Outcome, World, look
from .scenario import WAVES, Step

PATIENCE = 90.0


@dataclass
class Played:
    """What happened, in the scenario's order."""

    outcomes: list[Outcome]
    world: World

    def arrival(self, title: str) -> Arrival:
        return next(outcome.arrival for outcome in self.outcomes if outcome.arrival.step.title == title)


def play(deployment: Deployment, inbox: Inbox, waves: tuple[tuple[Step, ...], ...] = WAVES) -> Played:
    arrivals: dict[str, Arrival] = {}
    world = World(deployment)
    for wave in waves:
        for step in wave:
            arrivals[step.title] = _perform(deployment, step, arrivals)
        _wait(world, inbox, arrivals, {step.title for step in wave})
    return Played([look(world, arrival, arrivals) for arrival in arrivals.values()], world)


def _perform(deployment: Deployment, step: Step, arrivals: dict[str, Arrival]) -> Arrival:
    if step.how == "upload":
        return Arrival(step, upload(deployment, step.key, step.body, **dict(step.put)))
    if step.how == "test":
        bucket = deployment.ingest.processing
        announce(
            deployment,
            {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": bucket, "RequestId": str(uuid.uuid4())},
        )
        return Arrival(step, "")
    first = arrivals[step.of]
    if step.how == "vanish":
        deployment.client("s3").delete_object(
            Bucket=deployment.ingest.processing, Key=step.key, VersionId=first.version_id
        )
    announce(deployment, event(deployment, step.key, first.version_id, len(step.body)))
    return Arrival(step, first.version_id)


def upload(deployment: Deployment, key: str, body: bytes, **further: str) -> str:
    """Puts one file as the uploader role does, with further arguments of PutObject; returns its version-id."""
    answer = deployment.client("s3", "uploader-role").put_object(
        Bucket=deployment.ingest.processing, Key=key, Body=body, **further
    )
    return answer["VersionId"]


def announce(deployment: Deployment, message: dict) -> None:
    deployment.client("sqs").send_message(QueueUrl=deployment.ingest.queue_url, MessageBody=json.dumps(message))


def event(deployment: Deployment, key: str, version_id: str | None, size: int) -> dict:
    """The event that EventBridge hands to the queue, with the version-id that AWS gives and the emulator leaves out."""
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


def _wait(world: World, inbox: Inbox, arrivals: dict[str, Arrival], titles: set[str]) -> None:
    """Until every file of the wave is as expected, or patience ends; what is not is then in the outcomes."""
    deadline = time.monotonic() + PATIENCE
    waiting = set(titles)
    while waiting and time.monotonic() < deadline:
        world.refresh(inbox)
        waiting = {title for title in waiting if look(world, arrivals[title], arrivals).problems}
        if waiting:
            time.sleep(0.2)


def drained(deployment: Deployment) -> bool:
    return facts.depth(deployment, deployment.ingest.queue_url) == 0
