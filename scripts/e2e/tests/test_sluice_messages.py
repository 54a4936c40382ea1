"""`sluice redrive`, `backfill`, `reconcile`, `status`, `ingest run-local`, `schema check`."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from .. import readback
from ..deployment import Deployment
from ..ingest_events import object_created, upload
from ..scenario import FOREVER, FOREVER_BARE, music
from ..sluice import Sluice, duration_s
from .ingest_steps import dead_letter, delete_item, have_outcomes, send_dead_letter, unique_name, wait_for_item
from .polling import eventually, now_ms


def test_redrive_lists_then_sends(sluice: Sluice, deployment: Deployment, dead_letters: dict[str, str]) -> None:
    """Both queues are listed; only chosen dead letters are sent; unreadable ones stay, and are reported."""
    name, since = unique_name(), now_ms()
    one, body_one = dead_letter(deployment, f"{name}/a.json")
    two, body_two = dead_letter(deployment, f"{name}/b.json")
    send_dead_letter(deployment, dead_letters["events"], body_one)
    send_dead_letter(deployment, dead_letters["messages"], body_two)
    send_dead_letter(deployment, dead_letters["messages"], "no event")
    listed = sluice.run("redrive", "--format", "json")
    assert listed.lines[-1] == {"chosen": 2, "sent": 0, "left": 1}
    [row] = [line for line in listed.lines[:-1] if line["keys"] == [f"{name}/a.json"]]
    assert row["readable"] is True and "NO_PERMISSIONS" in row["why"]
    text = sluice.run("redrive").out
    assert f"{name}/a.json" in text and "--unreadable" in text and "--yes" in text
    assert readback.depth(deployment, dead_letters["messages"]) == 2

    chosen = sluice("redrive", "--yes", "--key-prefix", f"{name}/b", "--format", "json")
    assert chosen.code == 1 and chosen.lines[-1] == {"chosen": 1, "sent": 1, "left": 2}
    eventually(lambda: have_outcomes(deployment, {two}, since), "outcome of the chosen dead letter")
    rest = sluice("redrive", "--yes", "--format", "json")
    assert rest.code == 1 and rest.lines[-1] == {"chosen": 1, "sent": 1, "left": 1}
    eventually(lambda: have_outcomes(deployment, {one, two}, since), "outcome of both")
    assert readback.depth(deployment, dead_letters["events"]) == 0
    assert readback.depth(deployment, dead_letters["messages"]) == 1
    assert sluice("status").code == 1
    deployment.client("sqs").purge_queue(QueueUrl=dead_letters["messages"])


@pytest.mark.slow  # messages that a killed run has received are visible again after half a minute
def test_a_redrive_that_is_killed_loses_nothing(
    sluice: Sluice, deployment: Deployment, dead_letters: dict[str, str]
) -> None:
    """Killed (SIGKILL) after the first messages are sent; the next runs send the others, and each has its outcome."""
    name, since, versions = unique_name(), now_ms(), set()
    for number in range(60):
        version, body = dead_letter(deployment, f"{name}/{number}.json")
        versions.add(version)
        send_dead_letter(deployment, dead_letters["messages"], body)
    before = readback.depth(deployment, dead_letters["messages"])
    process = sluice.start("redrive", "--queue", "messages", "--yes", user="operator")
    while process.poll() is None and readback.depth(deployment, dead_letters["messages"]) == before:
        time.sleep(0.005)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    after = readback.depth(deployment, dead_letters["messages"])
    assert process.returncode == -signal.SIGKILL and 0 < after < before, "killed between its first and its last message"

    def all_sent() -> bool:
        sluice.run("redrive", "--queue", "messages", "--yes")
        return readback.depth(deployment, dead_letters["messages"]) == 0

    eventually(all_sent, "empty dead-letter queue", timeout_s=90)
    eventually(lambda: have_outcomes(deployment, versions, since), "outcome of every dead letter", timeout_s=60)


def test_backfill_replays_lost_events(sluice: Sluice, deployment: Deployment) -> None:
    """`reconcile` finds a version whose event was lost; `backfill` counts it, then replays the event."""
    name = unique_name()
    key, item = f"{name}/lost.json", (name, "TRACK#lost")
    upload(deployment, f"{name}/seen.json", music(name, "TRACK#seen"))
    wait_for_item(deployment, (name, "TRACK#seen"))
    version = upload(deployment, key, music(*item))
    wait_for_item(deployment, item)
    delete_item(deployment, item)

    found = sluice("reconcile", "--prefix", f"{name}/", "--grace", "0", "--format", "json")
    assert found.code == 1 and found.lines[0]["key"] == key and found.lines[0]["version_id"] == version
    assert found.lines[-1] | {"stored": 1, "without_end": 1} == found.lines[-1]
    young = sluice.run("reconcile", "--prefix", f"{name}/", "--format", "json")
    assert young.lines[-1]["young"] == 1

    dry = sluice.run("backfill", "--prefix", f"{name}/", "--missing", "--format", "json")
    assert (dry.lines[-1]["versions"], dry.lines[-1]["announced"]) == (1, 0)
    assert readback.item(deployment, item) is None
    late = sluice.run("backfill", "--prefix", f"{name}/", "--until", "1h", "--format", "json")
    assert late.lines[-1]["versions"] == 0
    sent = sluice.run("backfill", "--prefix", f"{name}/", "--since", "1h", "--yes", "--format", "json")
    assert (sent.lines[-1]["versions"], sent.lines[-1]["announced"]) == (2, 2)
    wait_for_item(deployment, item)
    assert readback.source_of(readback.item(deployment, item) or {})["version_id"] == version
    whole = sluice.run("reconcile", "--prefix", f"{name}/", "--grace", "0", "--format", "json")
    assert (whole.lines[-1]["stored"], whole.lines[-1]["without_end"]) == (2, 0)


def test_reconcile_recognizes_duplicates(sluice: Sluice, deployment: Deployment) -> None:
    """The same bytes under another key have the outcome `duplicate`."""
    name, since = unique_name(), now_ms()
    body = music(name, "TRACK#1")
    upload(deployment, f"{name}/a.json", body)
    wait_for_item(deployment, (name, "TRACK#1"))
    version = upload(deployment, f"{name}/b.json", body)
    eventually(lambda: have_outcomes(deployment, {version}, since), "outcome of the duplicate")
    total = sluice.run("reconcile", "--prefix", f"{name}/", "--grace", "0", "--format", "json").lines[-1]
    assert (total["stored"], total["duplicate"], total["without_end"]) == (1, 1, 0)


def test_backfill_respects_its_rate(sluice: Sluice, deployment: Deployment) -> None:
    """40 events at 20 per second take at least 1.5 s, because the first ten are sent at once."""
    name = unique_name()
    for number in range(40):
        upload(deployment, f"{name}/{number}.json", music(name, "TRACK#1"))
    quick = duration_s(sluice.run, "backfill", "--prefix", f"{name}/", "--yes", "--rate", "10000")
    slow = duration_s(sluice.run, "backfill", "--prefix", f"{name}/", "--yes", "--rate", "20")
    assert slow >= 1.5 and slow > quick


def test_status_is_one_screen(sluice: Sluice, deployment: Deployment, dead_letters: dict[str, str]) -> None:
    """Queue depths, dead letters, quarantine, and the outcomes that CloudWatch counts."""
    metric = {
        "MetricName": "Stored",
        "Dimensions": [{"Name": "Function", "Value": deployment.ingest.function}],
        "Value": 7,
        "Unit": "Count",
    }
    before = sluice.run("status", "--format", "json").lines[0]
    deployment.client("cloudwatch").put_metric_data(Namespace="Sluice", MetricData=[metric])
    after = sluice.run("status", "--format", "json").lines[0]
    assert after["metrics"] and after["ends"]["stored"] - (before["ends"]["stored"] or 0) == 7
    others = [count for name, count in before["ends"].items() if name != "stored"]
    assert before["metrics"] or set(others) == {None}, "without metrics, counts are null and not 0"
    assert after["dead_letters"] == {"events": 0, "messages": 0}
    reasons = {key for key in readback.quarantine_keys(deployment) if key.endswith(".reason.json")}
    assert after["quarantined"] == len(reasons)
    assert deployment.ingest.function in sluice.run("status").out
    send_dead_letter(deployment, dead_letters["events"], "x")
    busy = sluice("status")
    assert busy.code == 1 and "sluice redrive" in busy.out
    deployment.client("sqs").purge_queue(QueueUrl=dead_letters["events"])


def test_status_watch_repeats(sluice: Sluice) -> None:
    process = sluice.start("status", "--watch", "1", "--format", "json")
    assert process.stdout
    screens = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.kill()
    process.communicate()
    assert screens[0]["at"] < screens[1]["at"]


def test_run_local_processes_an_event_on_this_machine(sluice: Sluice, deployment: Deployment) -> None:
    """One event is processed with the deployed buckets and table, and with the caller's credentials."""
    name = unique_name()
    item = (name, "TRACK#local")
    version = upload(deployment, f"{name}.json", music(*item))
    wait_for_item(deployment, item)
    delete_item(deployment, item)
    document = json.dumps(object_created(deployment, f"{name}.json", version, 1)).encode()
    sluice.write("event.json", document)
    completed = sluice.run("ingest", "run-local", "event.json", user="deployer")
    assert '"end":"stored"' in completed.out
    assert readback.item(deployment, item) is not None
    again = sluice.run("ingest", "run-local", "event.json", user="deployer")
    assert '"end":"redelivered"' in again.out
    sluice.write("broken.json", b"{")
    assert sluice("ingest", "run-local", "broken.json", user="deployer").code == 2
    assert sluice("ingest", "run-local", "nowhere.json", user="deployer").code == 2
    sluice.write("unknown.json", b"{}")
    assert sluice("ingest", "run-local", "unknown.json", user="deployer").code == 1


def test_schema_check_validates_local_files(sluice: Sluice) -> None:
    """Files are validated with the deployed schema and the rules of the ingest."""
    sluice.write("in/good.json", FOREVER)
    sluice.run("schema", "check", "in")
    sluice.write("in/bad.json", FOREVER_BARE)
    mixed = sluice("schema", "check", "in", "--format", "json")
    assert mixed.code == 1 and mixed.lines[-1] == {"valid": 1, "invalid": 1}
    assert mixed.lines[0]["problem"]["path"] == "/Features/L/0"
    assert sluice("schema", "check", "nowhere.json").code == 2
    started = time.monotonic()
    assert sluice("schema", "check", "in/good.json", "--schema", "nowhere.json").code == 2
    assert time.monotonic() - started < 5
