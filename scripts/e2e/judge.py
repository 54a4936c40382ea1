"""Compares what became of a file with what had to: an end is believed only where the world shows it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from . import facts
from .deployment import Deployment
from .inbox import Inbox, Notice
from .scenario import Step

NOTIFIED = ("invalid", "conflict", "too-large", "unreadable")


@dataclass(frozen=True)
class Arrival:
    step: Step
    version_id: str


@dataclass
class Outcome:
    arrival: Arrival
    end: str
    why: str
    problems: list[str]


class World:
    """Log lines and notices, read once for many files."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.lines: list[dict] = []
        self.ends: dict[str, list[dict]] = {}
        self.notices: list[Notice] = []

    def refresh(self, inbox: Inbox) -> None:
        self.lines = facts.log_lines(self.deployment)
        self.ends = facts.ends(self.lines)
        self.notices = list(inbox.read())


def look(world: World, arrival: Arrival, arrivals: dict[str, Arrival]) -> Outcome:
    step = arrival.step
    if step.how == "test":
        seen = any(line.get("message") == "Nothing to do." for line in world.lines)
        return Outcome(
            arrival, "nothing" if seen else "?", "", [] if seen else ["the log does not say `Nothing to do.`"]
        )
    told = [line["end"] for line in world.ends.get(arrival.version_id, [])]
    end = _told(told, step)
    outcome = Outcome(arrival, end, "", [])
    if end != step.end:
        outcome.problems.append(f"the log tells {told or 'no end'}")
    lines = world.ends.get(arrival.version_id, [])
    rules = {reason["rule"] for line in lines for reason in line.get("reasons", [])}
    if step.end == "unreadable" and not set(step.why) <= rules:
        outcome.problems.append(f"the log gives {rules or 'no reason'}, expected {step.why}")
    kept = facts.version_exists(world.deployment, step.key, arrival.version_id)
    copy = facts.quarantined(world.deployment, step.key, arrival.version_id)
    if step.end in ("invalid", "conflict"):
        _refused(world, arrival, arrivals, kept, copy, outcome)
    else:
        _left_alone(arrival, arrivals, kept, copy, outcome)
    if step.item:
        _stored(world.deployment, arrival, outcome)
    notices = [notice.end for notice in world.notices if notice.version_id == arrival.version_id]
    expected = [step.end] if step.end in NOTIFIED else []
    if notices != expected:
        outcome.problems.append(f"notices {notices}, expected {expected}")
    return outcome


def _told(told: list[str], step: Step) -> str:
    """The end that the log tells of this step: a first delivery's is the first, a repeated one's the last."""
    if not told:
        return "?"
    return told[-1] if step.how in ("repeat", "vanish") else told[0]


def _refused(
    world: World,
    arrival: Arrival,
    arrivals: dict[str, Arrival],
    kept: bool,
    copy: facts.Quarantined | None,
    outcome: Outcome,
) -> None:
    step = arrival.step
    if copy is None:
        outcome.problems.append("not in quarantine with a reason")
        return
    outcome.why = _shorten(copy.document["reasons"])
    if kept:
        outcome.problems.append("the version is still in the processing bucket")
    if copy.body != step.body:
        outcome.problems.append("the copy in quarantine has other bytes")
    if copy.end != step.end:
        outcome.problems.append(f"the reason says `{copy.end}`")
    expected = {
        "bucket": world.deployment.ingest.processing,
        "key": step.key,
        "version_id": arrival.version_id,
        "size": len(step.body),
    }
    if len(step.body) <= world.deployment.ingest.max_object_bytes:
        expected["sha256"] = hashlib.sha256(step.body).hexdigest()
    given = {name: copy.source.get(name) for name in expected}
    if given != expected:
        outcome.problems.append(f"the reason's source is {given}, expected {expected}")
    outcome.problems += [f"the reasons do not name `{text}`" for text in step.why if text not in copy.reasons]
    if step.of and arrivals[step.of].version_id not in copy.reasons:
        outcome.problems.append(f"the reason does not name the version of `{step.of}`")


def _left_alone(
    arrival: Arrival, arrivals: dict[str, Arrival], kept: bool, copy: facts.Quarantined | None, outcome: Outcome
) -> None:
    step = arrival.step
    if copy is not None:
        outcome.problems.append("it is in quarantine")
    vanished = any(later.step.how == "vanish" and later.version_id == arrival.version_id for later in arrivals.values())
    if kept == vanished:
        outcome.problems.append("the version is still there" if kept else "the version is no longer there")
    outcome.why = {
        "stored": "/".join(step.item or ()),
        "duplicate": f"same bytes as {step.of}",
        "redelivered": "its item is there already",
        "skipped": "no bytes, key ends in /",
        "gone": "the version is no longer there",
        "unreadable": "it stays, archived or under its uploader's key",
    }.get(step.end, "")


def _stored(deployment: Deployment, arrival: Arrival, outcome: Outcome) -> None:
    step = arrival.step
    assert step.item
    found = facts.item(deployment, step.item)
    if found is None:
        outcome.problems.append(f"no item {step.item}")
        return
    source = facts.source_of(found)
    expected = {
        "bucket": deployment.ingest.processing,
        "key": step.key,
        "version_id": arrival.version_id,
        "sha256": hashlib.sha256(step.body).hexdigest(),
        "size": str(len(step.body)),
    }
    given = {name: source.get(name) for name in expected}
    if given != expected:
        outcome.problems.append(f"`_source` is {given}, expected {expected}")
    attributes = {name: value for name, value in found.items() if name != "_source"}
    if attributes != json.loads(step.body):
        outcome.problems.append(f"the item is {attributes}")


def _shorten(reasons: list[dict], limit: int = 72) -> str:
    """The first reason on one line."""
    first = reasons[0]
    text = f"{first['path'] or 'the file'}: {first['message']}"
    return text if len(text) <= limit else text[: limit - 1] + "…"
