"""Plays the scenario on a deployment and waits until every file has its outcome."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from .deployment import Deployment
from .inbox import Inbox
from .ingest_events import object_created, send_event, upload
from .scenario import WAVES, Step
from .scenario_checks import Arrival, CheckResult, Observations, check

TIMEOUT_S = 90.0


@dataclass
class Played:
    """The result of every step, in the scenario's order."""

    results: list[CheckResult]
    observations: Observations

    def arrival(self, title: str) -> Arrival:
        return next(result.arrival for result in self.results if result.arrival.step.title == title)


def play(deployment: Deployment, inbox: Inbox, waves: tuple[tuple[Step, ...], ...] = WAVES) -> Played:
    arrivals: dict[str, Arrival] = {}
    observations = Observations(deployment)
    for wave in waves:
        for step in wave:
            arrivals[step.title] = _perform(deployment, step, arrivals)
        _wait(observations, inbox, arrivals, {step.title for step in wave})
    return Played([check(observations, arrival, arrivals) for arrival in arrivals.values()], observations)


def _perform(deployment: Deployment, step: Step, arrivals: dict[str, Arrival]) -> Arrival:
    bucket = deployment.ingest.processing
    if step.action == "upload":
        return Arrival(step, upload(deployment, step.key, step.body, **dict(step.put)))
    if step.action == "test-event":
        test_event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": bucket, "RequestId": str(uuid.uuid4())}
        send_event(deployment, test_event)
        return Arrival(step, "")
    first = arrivals[step.of]
    if step.action == "delete-and-redeliver":
        deployment.client("s3").delete_object(Bucket=bucket, Key=step.key, VersionId=first.version_id)
    send_event(deployment, object_created(deployment, step.key, first.version_id, len(step.body)))
    return Arrival(step, first.version_id)


def _wait(observations: Observations, inbox: Inbox, arrivals: dict[str, Arrival], titles: set[str]) -> None:
    """Returns when every file of the wave is as expected, or after the timeout: the results then have the problems."""
    deadline = time.monotonic() + TIMEOUT_S
    pending = set(titles)
    while pending and time.monotonic() < deadline:
        observations.refresh(inbox)
        pending = {title for title in pending if check(observations, arrivals[title], arrivals).problems}
        if pending:
            time.sleep(0.2)
