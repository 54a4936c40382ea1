"""5,000 uploads by three clients while functions are killed and frozen, permissions fail and events are lost.

Every accepted version must end in one place with the outcome that the model has for it, and every audit must say so.
`SLUICE_E2E_SEED` repeats a run's choices, `SLUICE_E2E_UPLOADS` changes its size for work on the test itself.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .. import accounts, census, evidence, facts, local, outcomes, paths
from ..census import Version
from ..deployment import Deployment
from ..faults import Done, Faults, Outage, Plan
from ..sluice import Sluice
from ..terraform import Terraform
from ..uploads import Upload
from ..uploads import plan as planned
from . import ahead
from .conftest import packaged
from .sluice_tool import at_work
from .waiting import eventually

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("SLUICE_E2E_SEED") or secrets.randbelow(1 << 31))
UPLOADS = int(os.environ.get("SLUICE_E2E_UPLOADS") or 5000)
CLIENTS = 3
# Versions that may wait for their outcome: enough that every function has work, so few that work lasts to the end.
BACKLOG = 250
GRANT = 10
TIMEOUT_S = 6
# Of messages, in seconds: above the ingest's timeout as on AWS, below what its variables would make of it, so that what
# was interrupted is delivered again within the run.
VISIBILITY_S = 8
# The machine may be busy; nothing is asserted about speed.
PATIENCE_S = 1500
SETTINGS = {
    "ingest": {"timeout_s": TIMEOUT_S, "max_concurrency": 5},
    "provenance": {"max_concurrency": 4},
}


def fault_plan(uploads: int) -> Plan:
    part = uploads / 5000
    return Plan(
        seed=SEED,
        kills=round(180 * part),
        freezes=round(60 * part),
        frozen=(TIMEOUT_S + 0.5, VISIBILITY_S + 2.5),
        outages=(
            Outage("ingest", "s3:*", 0.12, 10),
            Outage("provenance", "s3:*", 0.25, 10),
            Outage("ingest", "sns:*", 0.35, 45),  # long enough for dead letters
            Outage("ingest", "dynamodb:*", 0.55, 10),
            Outage("ingest", "s3:PutObject", 0.75, 10),
        ),
        drops=((0.45, 1.5),),
        repeats=round(250 * part),
    )


@dataclass(frozen=True)
class Ready:
    terraform: Terraform
    deployment: Deployment


def applied() -> Ready:
    """A stack of its own, whose queues deliver again soon."""
    stack = paths.stack("faults")
    running = local.up(stack, fresh=True)
    terraform = Terraform(stack, running, accounts.load(stack)["deployer"], **SETTINGS)
    ahead.of(packaged)
    terraform.init()
    terraform.plan()
    terraform.apply()
    return hastened(terraform)


def hastened(terraform: Terraform) -> Ready:
    stack = terraform.stack
    running = local.up(stack)
    deployment = Deployment(stack, running, terraform.outputs())
    for url in (deployment.ingest.queue_url, deployment.provenance.queue_url):
        deployment.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(VISIBILITY_S)})
    return Ready(terraform, deployment)


AHEAD = applied


class Clients:
    """Three uploading processes, each with a part of the plan, that go on only as far as they are granted."""

    def __init__(self, deployment: Deployment, uploads: list[Upload], folder: Path) -> None:
        self._parts = [uploads[number::CLIENTS] for number in range(CLIENTS)]
        self._granted = [0] * CLIENTS
        self._answers = [folder / f"accepted-{number}" for number in range(CLIENTS)]
        outputs = folder / "outputs-of-clients.json"
        outputs.write_text(json.dumps(deployment.outputs))
        self._processes = []
        for number, part in enumerate(self._parts):
            plan = folder / f"plan-{number}"
            plan.write_text("".join(f"{upload.line()}\n" for upload in part))
            command = [sys.executable, "-m", "e2e.uploads", deployment.stack.name]
            self._processes.append(
                subprocess.Popen(
                    [*command, str(outputs), str(plan), str(self._answers[number])],
                    env=os.environ | {"PYTHONPATH": str(paths.ROOT / "scripts")},
                    stdin=subprocess.PIPE,
                    text=True,
                )
            )

    @property
    def answered(self) -> int:
        return sum(answer.read_bytes().count(b"\n") for answer in self._answers if answer.exists())

    @property
    def all_granted(self) -> bool:
        return all(granted >= len(part) for granted, part in zip(self._granted, self._parts, strict=True))

    def grant(self) -> None:
        for number, process in enumerate(self._processes):
            if self._granted[number] < len(self._parts[number]):
                assert process.stdin
                process.stdin.write(f"{GRANT}\n")
                process.stdin.flush()
                self._granted[number] += GRANT

    def end(self) -> None:
        for process in self._processes:
            if process.stdin:
                process.stdin.close()
            process.wait(timeout=60)

    def accepted(self) -> dict[Version, Upload]:
        """What S3 has accepted so far."""
        found = {}
        for part, path in zip(self._parts, self._answers, strict=True):
            for line in path.read_text().splitlines(keepends=True) if path.exists() else []:
                if line.endswith("\n"):
                    answer = json.loads(line)
                    upload = part[answer["number"]]
                    assert "error" not in answer, f"`{upload.key!r}` was not accepted: {answer['error']}; seed {SEED}"
                    found[upload.key, answer["version_id"]] = upload
        return found


@dataclass
class Run:
    """The fault run and what it came to."""

    deployment: Deployment
    sluice: Sluice
    accepted: dict[Version, Upload]
    census: census.Census
    outcomes: outcomes.Outcomes
    done: Done
    summary: str


def under_way(deployment: Deployment) -> int:
    return facts.depth(deployment, deployment.ingest.queue_url)


def upload_all(deployment: Deployment, folder: Path) -> tuple[dict[Version, Upload], Faults]:
    clients = Clients(deployment, planned(SEED, UPLOADS), folder)
    done = 0.0
    faults = Faults(deployment, fault_plan(UPLOADS), lambda: done, lambda: list(clients.accepted()))
    faults.start()
    try:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            answered, depth = clients.answered, under_way(deployment)
            done = max(done, (answered - depth) / UPLOADS)
            if clients.all_granted and answered >= UPLOADS and depth == 0:
                break
            assert time.monotonic() < deadline, f"{answered} uploaded, {depth} in the queue; seed {SEED}"
            if depth < BACKLOG:
                clients.grant()
            time.sleep(0.1)
        return clients.accepted(), faults
    finally:
        clients.end()
        faults.stop()


def drain(deployment: Deployment, sluice: Sluice) -> list[str]:
    """What an operator does afterwards, with the tool alone, until nothing is left to do; what was done."""
    done, names = [], deployment.provenance
    queues = (deployment.ingest.queue_url, names.queue_url)
    dead = (deployment.ingest.dead_letters_url, names.dead_letters_url)
    for _ in range(10):
        eventually(lambda: not any(facts.depth(deployment, url) for url in queues), "empty queues", patience=300)
        acted = False
        for system, url in zip(("ingest", "provenance"), dead, strict=True):
            if facts.depth(deployment, url):
                sent = sluice.done("redrive", "--system", system, "--yes", "--format", "json").lines[-1]["sent"]
                done.append(f"{sent} {system} dead letters redriven")
                acted = True
        if acted:
            continue
        announced = sluice.done("backfill", "--missing", "--yes", "--format", "json").lines[-1]["announced"]
        announced = announced or finish(deployment, sluice)
        recorded = sluice.done("provenance", "backfill", "--yes", "--grace", "0", "--format", "json").lines[-1]
        if not announced and not recorded["announced"] and not recorded["hashed"]:
            return done
        done.append(f"{announced} versions announced, {recorded['announced']} for their receipts")
    raise AssertionError(f"not drained: {done}; seed {SEED}")


def finish(deployment: Deployment, sluice: Sluice) -> int:
    """Announces versions whose reason record is written and that are still there; how many they were.

    The emulator's events name no version, so the next upload under the key took over the event that would have finished
    the move. `reconcile` counts such versions as refused, and `backfill --missing` leaves them.
    """
    refused = sluice("reconcile", "--grace", "0", "--format", "json").lines[-1]["refused"]
    if refused:
        found = census.take(deployment)
        for key in {key for key, _ in found.present.keys() & found.reason_of().keys()}:
            sluice.done("backfill", "--prefix", key, "--yes")
    return refused


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    ready = ahead.of(applied)
    deployment, folder = ready.deployment, tmp_path_factory.mktemp("faults")
    logged = deployment.stack.log.stat().st_size
    sluice = at_work(deployment, folder)
    started = time.monotonic()
    accepted, faults = upload_all(deployment, folder)
    worked = time.monotonic()
    steps = drain(deployment, sluice)
    found = census.take(deployment)
    compared = outcomes.compare(accepted, found)
    done, ended = faults.done, time.monotonic()
    log = deployment.stack.log.read_bytes()[logged:].decode(errors="replace")
    ends = ("exited before returning a response", "timed out after .* seconds")
    broken = [len(re.findall(f"{end}\n", log)) for end in ends]
    summary = "\n".join(
        (
            f"fault run, seed {SEED}: {len(accepted)} uploads by {CLIENTS} clients, {done.kills} kills, "
            f"{done.freezes} freezes, {len(done.outages)} outages ({', '.join(done.outages)}), "
            f"events lost {done.drops} times, {done.repeats} repeated",
            f"{broken[0]} invocations ended by a kill, {broken[1]} by their timeout",
            f"{worked - started:.0f} s of work under faults, {ended - worked:.0f} s to drain and read",
            f"drained: {'; '.join(steps) or 'nothing to do'}",
            f"outcomes {dict(compared.counts)}; lost {len(compared.lost)}, in two places {len(compared.twice)}",
        )
    )
    print(summary)
    yield Run(deployment, sluice, accepted, found, compared, done, summary)
    local.down(deployment.stack)


def test_nothing_is_lost_and_nothing_is_twice(ran: Run) -> None:
    """Lost 0, in two places 0, each with its right outcome, under as many faults as were meant."""
    meant = fault_plan(UPLOADS)
    assert len(ran.accepted) == UPLOADS, ran.summary
    assert ran.done.kills >= meant.kills * 0.9 and ran.done.freezes >= meant.freezes * 0.9, ran.summary
    assert (len(ran.done.outages), ran.done.drops) == (len(meant.outages), len(meant.drops)), ran.summary
    assert not ran.outcomes.problems, "\n".join([ran.summary, *ran.outcomes.problems[:50]])
    assert sum(ran.outcomes.counts.values()) == UPLOADS, ran.summary


def test_every_audit_is_true(ran: Run) -> None:
    """What the tool counts afterwards is what the model and the direct reads count."""
    sluice, counts = ran.sluice, ran.outcomes.counts
    here, refused = counts["stored"] + counts["duplicate"], counts["invalid"] + counts["conflict"]

    total = sluice.done("reconcile", "--grace", "0", "--format", "json").lines[-1]
    nothing = {"refused": 0, "young": 0, "without_end": 0}
    expected = {"stored": counts["stored"], "duplicate": counts["duplicate"]} | nothing
    assert total | expected == total, ran.summary
    assert sluice.done("backfill", "--format", "json").lines[-1]["versions"] == here, ran.summary
    assert sluice.done("backfill", "--missing", "--format", "json").lines[-1]["versions"] == 0, ran.summary

    *rows, last = sluice.done("quarantine", "list", "--format", "json").lines
    assert last["count"] == len(rows) == refused, ran.summary
    told = {(row["key"], row["version_id"]): row["end"] for row in rows}
    assert told == {version: document["end"] for version, (_, document) in ran.census.reason_of().items()}, ran.summary

    status = sluice.done("status", "--format", "json").lines[-1]
    assert (status["quarantined"], status["dead_letters"]) == (refused, {"events": 0, "messages": 0}), ran.summary
    recorded = sluice.done("provenance", "backfill", "--grace", "0", "--format", "json").lines[-1]
    left = {name: recorded[name] for name in ("versions", "recorded", "missing", "deferred")}
    assert left == {"versions": here, "recorded": here, "missing": 0, "deferred": 0}, ran.summary


def test_all_evidence_verifies(ran: Run) -> None:
    """Every version that is there has its receipt, every receipt its version, and a signed manifest covers them.

    The emulator's events name no version: one that the ingest moved before the provenance read it has a `gone` receipt
    without a version-id, which only a trail could confirm, and the emulator delivers none. Each of these is listed, and
    makes the exit code 1; nothing else may.
    """
    evidence.seal(ran.deployment)
    verified = ran.sluice("verify", "--grace", "0", "--format", "json", user="auditor")
    rows, total = verified.lines[:-1], verified.lines[-1]
    shown = "\n".join([ran.summary, verified.out[-4000:], verified.err[-2000:]])
    assert all(row.get("unproven") and row["version_id"] == "" for row in rows if "unproven" in row), shown
    assert sum("unproven" in row for row in rows) == total["gone_unproven"], shown
    assert verified.code == (1 if total["gone_unproven"] else 0), shown
    accepted = ran.sluice("verify", "--grace", "0", "--unproven-ok", "--fast", "--format", "json", user="auditor")
    assert accepted.code == 0, shown
    counts = ran.outcomes.counts
    assert (total["findings"], total["versions"]) == (0, counts["stored"] + counts["duplicate"]), shown
