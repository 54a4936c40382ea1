"""5,000 uploads by three clients while functions are killed and frozen, permissions fail and events are lost.

Every accepted version must have exactly one outcome, the one that the model expects, and every audit must report it.
`SLUICE_E2E_SEED` repeats the choices of a run; `SLUICE_E2E_UPLOADS` changes its size, for work on the test itself.
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

from .. import evidence, inventory, local, paths, readback, upload_model
from ..deployment import Deployment
from ..faults import Done, Faults, Outage, Plan
from ..inventory import KeyVersion
from ..sluice import Sluice
from ..uploads import Upload
from ..uploads import plan as planned
from . import tool_setup
from .background import Background
from .polling import eventually
from .stack_setup import AppliedStack
from .stacks.faults import TIMEOUT_S, VISIBILITY_S

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("SLUICE_E2E_SEED") or secrets.randbelow(1 << 31))
UPLOADS = int(os.environ.get("SLUICE_E2E_UPLOADS") or 5000)
CLIENTS = 3
# How many versions may be without an outcome: enough to keep every function busy, few enough that work lasts to the
# end.
MAX_BACKLOG = 250
# How many uploads a client is granted at a time.
GRANT = 10
# Generous, because the machine may be busy: speed is not asserted.
RUN_TIMEOUT_S = 1500


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
            Outage("ingest", "sns:*", 0.35, 45),  # until messages become dead letters
            Outage("ingest", "dynamodb:*", 0.55, 10),
            Outage("ingest", "s3:PutObject", 0.75, 10),
        ),
        drops=((0.45, 1.5),),
        repeats=round(250 * part),
    )


class Clients:
    """Processes that upload a part of the plan each, as far as they are granted."""

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

    def stop(self) -> None:
        for process in self._processes:
            if process.stdin:
                process.stdin.close()
            process.wait(timeout=60)

    def accepted(self) -> dict[KeyVersion, Upload]:
        """The uploads that S3 has accepted so far."""
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
class FaultRun:
    """The fault run and its results."""

    deployment: Deployment
    sluice: Sluice
    accepted: dict[KeyVersion, Upload]
    inventory: inventory.Inventory
    comparison: upload_model.Comparison
    done: Done
    summary: str


def queue_depth(deployment: Deployment) -> int:
    return readback.depth(deployment, deployment.ingest.queue_url)


def upload_all(deployment: Deployment, folder: Path) -> tuple[dict[KeyVersion, Upload], Faults]:
    clients = Clients(deployment, planned(SEED, UPLOADS), folder)
    done = 0.0
    faults = Faults(deployment, fault_plan(UPLOADS), lambda: done, lambda: list(clients.accepted()))
    faults.start()
    try:
        deadline = time.monotonic() + RUN_TIMEOUT_S
        while True:
            answered, depth = clients.answered, queue_depth(deployment)
            done = max(done, (answered - depth) / UPLOADS)
            if clients.all_granted and answered >= UPLOADS and depth == 0:
                break
            assert time.monotonic() < deadline, f"{answered} uploaded, {depth} in the queue; seed {SEED}"
            if depth < MAX_BACKLOG:
                clients.grant()
            time.sleep(0.1)
        return clients.accepted(), faults
    finally:
        clients.stop()
        faults.stop()


def drain(deployment: Deployment, sluice: Sluice) -> list[str]:
    """Does what an operator would do after the faults, with the tool only, until nothing is left; returns the steps."""
    done, names = [], deployment.provenance
    queues = (deployment.ingest.queue_url, names.queue_url)
    dead = (deployment.ingest.dead_letters_url, names.dead_letters_url)
    for _ in range(10):
        eventually(lambda: not any(readback.depth(deployment, url) for url in queues), "empty queues", timeout_s=300)
        redriven = False
        for system, url in zip(("ingest", "provenance"), dead, strict=True):
            if readback.depth(deployment, url):
                sent = sluice.run("redrive", "--system", system, "--yes", "--format", "json").lines[-1]["sent"]
                done.append(f"{sent} {system} dead letters redriven")
                redriven = True
        if redriven:
            continue
        announced = sluice.run("backfill", "--missing", "--yes", "--format", "json").lines[-1]["announced"]
        announced = announced or replay_interrupted_moves(deployment, sluice)
        recorded = sluice.run("provenance", "backfill", "--yes", "--grace", "0", "--format", "json").lines[-1]
        if not announced and not recorded["announced"] and not recorded["hashed"]:
            return done
        done.append(f"{announced} events replayed, {recorded['announced']} for receipts")
    raise AssertionError(f"work is left after: {done}; seed {SEED}")


def replay_interrupted_moves(deployment: Deployment, sluice: Sluice) -> int:
    """Replays the events of versions that have a reason record but are still in the processing bucket; returns their
    number.

    The emulator's events have no version-id, so the event of such a version can be resolved to a later upload of the
    same key. `reconcile` counts these versions as refused, and `backfill --missing` skips them.
    """
    refused = sluice("reconcile", "--grace", "0", "--format", "json").lines[-1]["refused"]
    if refused:
        found = inventory.take(deployment)
        for key in {key for key, _ in found.present.keys() & found.reasons_by_version().keys()}:
            sluice.run("backfill", "--prefix", key, "--yes")
    return refused


@pytest.fixture(scope="module")
def fault_run(
    faults_stack_started: Background[AppliedStack], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FaultRun]:
    deployment, folder = faults_stack_started.result().deployment, tmp_path_factory.mktemp("faults")
    logged = deployment.stack.log.stat().st_size
    sluice = tool_setup.install(deployment, folder)
    started = time.monotonic()
    accepted, faults = upload_all(deployment, folder)
    uploaded = time.monotonic()
    steps = drain(deployment, sluice)
    found = inventory.take(deployment)
    compared = upload_model.compare(accepted, found)
    done, ended = faults.done, time.monotonic()
    log = deployment.stack.log.read_bytes()[logged:].decode(errors="replace")
    endings = ("exited before returning a response", "timed out after .* seconds")
    interrupted = [len(re.findall(f"{ending}\n", log)) for ending in endings]
    summary = "\n".join(
        (
            f"fault run, seed {SEED}: {len(accepted)} uploads by {CLIENTS} clients, {done.kills} kills, "
            f"{done.freezes} freezes, {len(done.outages)} outages ({', '.join(done.outages)}), "
            f"events lost {done.drops} times, {done.repeats} repeated",
            f"{interrupted[0]} invocations ended by a kill, {interrupted[1]} by their timeout",
            f"{uploaded - started:.0f} s of uploads under faults, {ended - uploaded:.0f} s until the inventory",
            f"operator: {'; '.join(steps) or 'nothing to do'}",
            f"outcomes {dict(compared.counts)}; lost {len(compared.lost)}, in two locations {len(compared.twice)}",
        )
    )
    print(summary)
    yield FaultRun(deployment, sluice, accepted, found, compared, done, summary)
    local.down(deployment.stack)


def test_every_version_has_exactly_one_outcome(fault_run: FaultRun) -> None:
    """No version is lost or in two locations, each has the expected outcome, and the planned faults have happened."""
    plan = fault_plan(UPLOADS)
    assert len(fault_run.accepted) == UPLOADS, fault_run.summary
    assert fault_run.done.kills >= plan.kills * 0.9 and fault_run.done.freezes >= plan.freezes * 0.9, fault_run.summary
    assert (len(fault_run.done.outages), fault_run.done.drops) == (len(plan.outages), len(plan.drops)), (
        fault_run.summary
    )
    assert not fault_run.comparison.problems, "\n".join([fault_run.summary, *fault_run.comparison.problems[:50]])
    assert sum(fault_run.comparison.counts.values()) == UPLOADS, fault_run.summary


def test_every_audit_agrees_with_the_model(fault_run: FaultRun) -> None:
    """The tool counts what the model and the inventory count."""
    sluice, counts = fault_run.sluice, fault_run.comparison.counts
    stored, refused = counts["stored"] + counts["duplicate"], counts["invalid"] + counts["conflict"]

    total = sluice.run("reconcile", "--grace", "0", "--format", "json").lines[-1]
    nothing = {"refused": 0, "young": 0, "without_end": 0}
    expected = {"stored": counts["stored"], "duplicate": counts["duplicate"]} | nothing
    assert total | expected == total, fault_run.summary
    assert sluice.run("backfill", "--format", "json").lines[-1]["versions"] == stored, fault_run.summary
    assert sluice.run("backfill", "--missing", "--format", "json").lines[-1]["versions"] == 0, fault_run.summary

    *rows, last = sluice.run("quarantine", "list", "--format", "json").lines
    assert last["count"] == len(rows) == refused, fault_run.summary
    listed = {(row["key"], row["version_id"]): row["end"] for row in rows}
    assert listed == {
        version: document["end"] for version, (_, document) in fault_run.inventory.reasons_by_version().items()
    }, fault_run.summary

    status = sluice.run("status", "--format", "json").lines[-1]
    assert (status["quarantined"], status["dead_letters"]) == (refused, {"events": 0, "messages": 0}), fault_run.summary
    recorded = sluice.run("provenance", "backfill", "--grace", "0", "--format", "json").lines[-1]
    left = {name: recorded[name] for name in ("versions", "recorded", "missing", "deferred")}
    assert left == {"versions": stored, "recorded": stored, "missing": 0, "deferred": 0}, fault_run.summary


def test_all_evidence_verifies(fault_run: FaultRun) -> None:
    """Every version has its receipt, every receipt its version, and a signed manifest covers them.

    The emulator's events have no version-id: a version that the ingest moved before provenance read it has a `gone`
    receipt without a version-id, which only a trail could confirm, and the emulator delivers none. Each of these is
    listed and makes the exit code 1; nothing else may.
    """
    evidence.write_manifest(fault_run.deployment)
    verified = fault_run.sluice("verify", "--grace", "0", "--format", "json", user="auditor")
    rows, total = verified.lines[:-1], verified.lines[-1]
    shown = "\n".join([fault_run.summary, verified.out[-4000:], verified.err[-2000:]])
    assert all(row.get("unproven") and row["version_id"] == "" for row in rows if "unproven" in row), shown
    assert sum("unproven" in row for row in rows) == total["gone_unproven"], shown
    assert verified.code == (1 if total["gone_unproven"] else 0), shown
    accepted = fault_run.sluice("verify", "--grace", "0", "--unproven-ok", "--fast", "--format", "json", user="auditor")
    assert accepted.code == 0, shown
    counts = fault_run.comparison.counts
    assert (total["findings"], total["versions"]) == (0, counts["stored"] + counts["duplicate"]), shown
