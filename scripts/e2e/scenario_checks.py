"""Compares the outcome of each file with the expected one: the log's outcome counts only if the services confirm it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from . import readback
from .deployment import Deployment
from .inbox import Inbox, Notice
from .scenario import Step

NOTIFIED = ("invalid", "conflict", "too-large", "unreadable")


@dataclass(frozen=True)
class Arrival:
    step: Step
    version_id: str


@dataclass
class CheckResult:
    arrival: Arrival
    outcome: str
    reason: str
    problems: list[str]


class Observations:
    """Log lines and notices, read once for many files."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.lines: list[dict] = []
        self.outcomes: dict[str, list[dict]] = {}
        self.notices: list[Notice] = []

    def refresh(self, inbox: Inbox) -> None:
        self.lines = readback.log_lines(self.deployment)
        self.outcomes = readback.outcomes(self.lines)
        self.notices = list(inbox.read())


def check(observations: Observations, arrival: Arrival, arrivals: dict[str, Arrival]) -> CheckResult:
    step = arrival.step
    if step.action == "test-event":
        logged = any(line.get("message") == "Nothing to do." for line in observations.lines)
        problems = [] if logged else ["the log has no line `Nothing to do.`"]
        return CheckResult(arrival, "nothing" if logged else "?", "", problems)
    lines = observations.outcomes.get(arrival.version_id, [])
    logged_outcomes = [line["end"] for line in lines]
    result = CheckResult(arrival, _logged_outcome(logged_outcomes, step), "", [])
    if result.outcome != step.outcome:
        result.problems.append(f"the log has {logged_outcomes or 'no outcome'}")
    rules = {reason["rule"] for line in lines for reason in line.get("reasons", [])}
    if step.outcome == "unreadable" and not set(step.reasons) <= rules:
        result.problems.append(f"the log gives {rules or 'no reason'}, expected {step.reasons}")
    present = readback.version_exists(observations.deployment, step.key, arrival.version_id)
    copy = readback.quarantined(observations.deployment, step.key, arrival.version_id)
    if step.outcome in ("invalid", "conflict"):
        _check_quarantined(observations, arrival, arrivals, present, copy, result)
    else:
        _check_in_place(arrival, arrivals, present, copy, result)
    if step.item:
        _check_item(observations.deployment, arrival, result)
    notices = [notice.outcome for notice in observations.notices if notice.version_id == arrival.version_id]
    expected = [step.outcome] if step.outcome in NOTIFIED else []
    if notices != expected:
        result.problems.append(f"notices {notices}, expected {expected}")
    return result


def _logged_outcome(outcomes: list[str], step: Step) -> str:
    """The outcome that the log reports for this step: that of the first delivery, or of the last if redelivered."""
    if not outcomes:
        return "?"
    return outcomes[0] if step.action == "upload" else outcomes[-1]


def _check_quarantined(
    observations: Observations,
    arrival: Arrival,
    arrivals: dict[str, Arrival],
    present: bool,
    copy: readback.Quarantined | None,
    result: CheckResult,
) -> None:
    step = arrival.step
    if copy is None:
        result.problems.append("not in quarantine with a reason record")
        return
    result.reason = _shorten(copy.document["reasons"])
    if present:
        result.problems.append("the version is still in the processing bucket")
    if copy.body != step.body:
        result.problems.append("the copy in quarantine has other bytes")
    if copy.outcome != step.outcome:
        result.problems.append(f"the reason record has the outcome `{copy.outcome}`")
    expected = {
        "bucket": observations.deployment.ingest.processing,
        "key": step.key,
        "version_id": arrival.version_id,
        "size": len(step.body),
    }
    if len(step.body) <= observations.deployment.ingest.max_object_bytes:
        expected["sha256"] = hashlib.sha256(step.body).hexdigest()
    source = {name: copy.source.get(name) for name in expected}
    if source != expected:
        result.problems.append(f"the source in the reason record is {source}, expected {expected}")
    result.problems += [f"the reasons do not contain `{text}`" for text in step.reasons if text not in copy.reasons]
    if step.of and arrivals[step.of].version_id not in copy.reasons:
        result.problems.append(f"the reason record does not name the version of `{step.of}`")


def _check_in_place(
    arrival: Arrival,
    arrivals: dict[str, Arrival],
    present: bool,
    copy: readback.Quarantined | None,
    result: CheckResult,
) -> None:
    step = arrival.step
    if copy is not None:
        result.problems.append("it is in quarantine")
    deleted = any(
        later.step.action == "delete-and-redeliver" and later.version_id == arrival.version_id
        for later in arrivals.values()
    )
    if present == deleted:
        result.problems.append("the version still exists" if present else "the version no longer exists")
    result.reason = {
        "stored": "/".join(step.item or ()),
        "duplicate": f"same bytes as {step.of}",
        "redelivered": "its item was stored before",
        "skipped": "no bytes, key ends in /",
        "gone": "the version no longer exists",
        "unreadable": "stays in place, archived or encrypted with the uploader's key",
    }.get(step.outcome, "")


def _check_item(deployment: Deployment, arrival: Arrival, result: CheckResult) -> None:
    step = arrival.step
    assert step.item
    item = readback.item(deployment, step.item)
    if item is None:
        result.problems.append(f"no item {step.item}")
        return
    expected = {
        "bucket": deployment.ingest.processing,
        "key": step.key,
        "version_id": arrival.version_id,
        "sha256": hashlib.sha256(step.body).hexdigest(),
        "size": str(len(step.body)),
    }
    source = readback.source_of(item)
    if {name: source.get(name) for name in expected} != expected:
        result.problems.append(f"`_source` is {source}, expected {expected}")
    attributes = {name: value for name, value in item.items() if name != "_source"}
    if attributes != json.loads(step.body):
        result.problems.append(f"the item is {attributes}")


def _shorten(reasons: list[dict], limit: int = 72) -> str:
    """The first reason on one line."""
    first = reasons[0]
    text = f"{first['path'] or 'the file'}: {first['message']}"
    return text if len(text) <= limit else text[: limit - 1] + "…"
