"""Injects faults into a working stack: kills and freezes functions, denies permissions, drops and repeats events.

Every choice comes from one seed. The number of faults follows the part of the work that is done, so that they are
spread over the whole run at any speed of the machine.
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
from .ingest_events import object_created, send_event

POLICY = "outage"
TICK_S = 0.05


@dataclass(frozen=True)
class Outage:
    """Actions that are denied to a function's role for `seconds`, once the part `at` of the work is done."""

    role: str  # ingest | provenance
    actions: str
    at: float
    seconds: float


@dataclass(frozen=True)
class Plan:
    seed: int
    kills: int
    freezes: int
    # Bounds of the seconds that a function is frozen: above its timeout and above the visibility timeout of a message.
    frozen: tuple[float, float]
    outages: tuple[Outage, ...]
    # When events are dropped: from which part of the work, and for how many seconds.
    drops: tuple[tuple[float, float], ...]
    # How many events of the ingest are delivered a second time.
    repeats: int


@dataclass
class Done:
    kills: int = 0
    freezes: int = 0
    outages: list[str] = field(default_factory=list)
    drops: int = 0
    repeats: int = 0


class Faults:
    """Injects faults from a thread of its own; `stop` undoes those that are still in force.

    `progress` returns the part of the work that is done, `arrived` the keys and version-ids that S3 has accepted.
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
        # Role and policy -> when the policy is deleted (monotonic clock).
        self._denied: dict[tuple[str, str], float] = {}
        self._dropping = 0.0
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> Done:
        """Stops the thread and undoes every fault; raises the error of the thread, if there was one."""
        self._stop.set()
        self._thread.join()
        self._undo(float("inf"))
        if self._error:
            raise self._error
        return self.done

    def _run(self) -> None:
        try:
            outages, drops = list(self._plan.outages), list(self._plan.drops)
            while not self._stop.wait(TICK_S * self._rng.uniform(0.5, 1.5)):
                self._undo(time.monotonic())
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
        """The process of one of the two functions, and no other process of the machine."""
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
            send_event(self._deployment, object_created(self._deployment, key, version_id, 1))
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

    def _undo(self, now: float) -> None:
        for pid, until in list(self._frozen.items()):
            if until <= now:
                if function_of(pid):  # the emulator kills a function at its timeout
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
    """The child processes of `pid`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # The name is in parentheses and may contain blanks and parentheses.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == pid and fields[0] != "Z":
                    found.append(int(entry.name))
    return sorted(found)


def function_of(pid: int) -> str:
    """The Lambda function that a process runs; empty if it is not a function."""
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
