"""What goes wrong on purpose while a stack works: functions are killed and frozen, permissions and events lost.

Every choice comes from one seed. How much has gone wrong follows how much of the work is done, so that it happens all
the way whatever the machine's speed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .deployment import Deployment
from .run import announce, event

POLICY = "outage"
TICK = 0.05


@dataclass(frozen=True)
class Outage:
    """Actions that a function's role loses for a while, once so much of the work is done."""

    role: str  # ingest | provenance
    actions: str
    at: float
    seconds: float


@dataclass(frozen=True)
class Plan:
    seed: int
    kills: int
    freezes: int
    # Seconds that a frozen function stays so: longer than the ingest's timeout, and than the visibility of a message.
    frozen: tuple[float, float]
    outages: tuple[Outage, ...]
    # Where events are dropped: once so much of the work is done, and for how many seconds.
    drops: tuple[tuple[float, float], ...]
    # Events of the ingest that are delivered once more.
    repeats: int


@dataclass
class Done:
    kills: int = 0
    freezes: int = 0
    outages: list[str] = field(default_factory=list)
    drops: int = 0
    repeats: int = 0


class Faults:
    """Runs beside the work in a thread of its own; `stop` undoes what is still in force.

    `progress` is the part of the work that is done, `arrived` the keys and version-ids that S3 has accepted so far.
    """

    def __init__(
        self,
        deployment: Deployment,
        plan: Plan,
        progress: Callable[[], float],
        arrived: Callable[[], list[tuple[str, str]]],
    ) -> None:
        self.done = Done()
        self._deployment = deployment
        self._plan = plan
        self._progress = progress
        self._arrived = arrived
        self._rng = random.Random(plan.seed)
        self._frozen: dict[int, float] = {}
        # Role and policy -> until when.
        self._denied: dict[tuple[str, str], float] = {}
        self._dropping = 0.0
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> Done:
        """Ends it and puts everything back; raises what went wrong in it."""
        self._stop.set()
        self._thread.join()
        self._put_back(float("inf"))
        if self._error:
            raise self._error
        return self.done

    def _run(self) -> None:
        try:
            outages, drops = list(self._plan.outages), list(self._plan.drops)
            while not self._stop.wait(TICK * self._rng.uniform(0.5, 1.5)):
                self._put_back(time.monotonic())
                part = self._progress()
                if outages and part >= outages[0].at:
                    self._deny(outages.pop(0))
                if drops and part >= drops[0][0] and not self._dropping:
                    self._drop(drops.pop(0)[1])
                if self.done.kills < self._plan.kills * part:
                    self._kill()
                if self.done.freezes < self._plan.freezes * part:
                    self._freeze()
                if self.done.repeats < self._plan.repeats * part:
                    self._repeat()
        except BaseException as error:
            self._error = error

    def _pick(self) -> int | None:
        """One of the functions' processes, and never another of the machine's."""
        functions = {self._deployment.ingest.function, self._deployment.provenance.function}
        found = [pid for pid in children(self._deployment.emulator.pid) if function_of(pid) in functions]
        found = [pid for pid in found if pid not in self._frozen]
        return self._rng.choice(found) if found else None

    def _kill(self) -> None:
        pid = self._pick()
        if pid is not None and _send(pid, signal.SIGKILL):
            self.done.kills += 1

    def _freeze(self) -> None:
        pid = self._pick()
        if pid is not None and _send(pid, signal.SIGSTOP):
            self._frozen[pid] = time.monotonic() + self._rng.uniform(*self._plan.frozen)
            self.done.freezes += 1

    def _repeat(self) -> None:
        if arrived := self._arrived():
            key, version_id = self._rng.choice(arrived)
            announce(self._deployment, event(self._deployment, key, version_id, 1))
            self.done.repeats += 1

    def _deny(self, outage: Outage) -> None:
        statement = {"Sid": "Outage", "Effect": "Deny", "Action": outage.actions, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role, policy = self._role(outage.role), f"{POLICY}-{len(self.done.outages)}"
        self._deployment.client("iam").put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=document)
        self._denied[role, policy] = time.monotonic() + outage.seconds
        self.done.outages.append(f"{outage.role} {outage.actions} {outage.seconds:.0f} s")

    def _drop(self, seconds: float) -> None:
        for rule in self._rules():
            self._deployment.client("events").disable_rule(Name=rule)
        self._dropping = time.monotonic() + seconds
        self.done.drops += 1

    def _put_back(self, now: float) -> None:
        for pid, until in list(self._frozen.items()):
            if until <= now:
                if function_of(pid):  # the emulator ends one whose time is over
                    _send(pid, signal.SIGCONT)
                del self._frozen[pid]
        for (role, policy), until in list(self._denied.items()):
            if until <= now:
                self._deployment.client("iam").delete_role_policy(RoleName=role, PolicyName=policy)
                del self._denied[role, policy]
        if self._dropping and self._dropping <= now:
            for rule in self._rules():
                self._deployment.client("events").enable_rule(Name=rule)
            self._dropping = 0.0

    def _rules(self) -> list[str]:
        return [self._deployment.ingest.rule, *self._deployment.provenance.rules]

    def _role(self, which: str) -> str:
        arns = {"ingest": self._deployment.ingest.role_arn, "provenance": self._deployment.provenance.role_arn}
        return arns[which].rpartition("/")[2]


def children(pid: int) -> list[int]:
    """The processes that `pid` has started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # The name in parentheses may hold blanks and parentheses itself.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == pid and fields[0] != "Z":
                    found.append(int(entry.name))
    return sorted(found)


def function_of(pid: int) -> str:
    """The Lambda that a process runs; empty if it runs none."""
    name = b"AWS_LAMBDA_FUNCTION_NAME="
    with contextlib.suppress(OSError):
        for pair in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if pair.startswith(name):
                return pair.removeprefix(name).decode()
    return ""


def _send(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
