"""`sluice redrive`, `backfill`, `reconcile`, `status`, `ingest run-local`, `schema check`."""

# ruff: noqa: F811 - imported fixtures are named again by those who use them

from __future__ import annotations

import json
import os
import signal
import time
import uuid

import pytest

from .. import facts
from ..deployment import Deployment
from ..run import event, upload
from ..scenario import FOREVER, FOREVER_BARE, music
from ..sluice import Sluice, took
from .sluice_tool import sluice  # noqa: F401 - a fixture
from .waiting import eventually, now_ms


def unique() -> str:
    return f"sluice-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def dead_letters(deployment: Deployment, sluice: Sluice) -> dict[str, str]:
    """Both dead-letter queues, empty at first."""
    outputs = json.loads(sluice.outputs.read_text())["ingest"]["value"]
    urls = {"events": outputs["event_dead_letter_url"], "messages": outputs["queue_dead_letter_url"]}
    for url in urls.values():
        deployment.client("sqs").purge_queue(QueueUrl=url)
    return urls


def letter(deployment: Deployment, key: str) -> tuple[str, str]:
    """A dead letter about a version that is gone by now, so that its end is `gone`."""
    version = str(uuid.uuid4())
    return version, json.dumps(event(deployment, key, version, 1))


def put(deployment: Deployment, url: str, body: str) -> None:
    attribute = {"ERROR_CODE": {"DataType": "String", "StringValue": "NO_PERMISSIONS"}}
    deployment.client("sqs").send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attribute)


def ended(deployment: Deployment, versions: set[str], since: int) -> bool:
    return versions <= set(facts.ends(facts.log_lines(deployment, since)))


def test_redrive_shows_then_sends(sluice: Sluice, deployment: Deployment, dead_letters: dict[str, str]) -> None:
    """Both queues are looked at; only what was chosen is sent; what nobody could read stays, and is said."""
    name, since = unique(), now_ms()
    one, body_one = letter(deployment, f"{name}/a.json")
    two, body_two = letter(deployment, f"{name}/b.json")
    put(deployment, dead_letters["events"], body_one)
    put(deployment, dead_letters["messages"], body_two)
    put(deployment, dead_letters["messages"], "no event")
    looked = sluice.done("redrive")
    assert f"{name}/a.json" in looked.out and "NO_PERMISSIONS" in looked.out
    left = "(1 unreadable, --unreadable sends them too)"
    assert looked.out.splitlines()[-1] == f"2 to send, 1 to leave {left}; --yes sends them"
    assert facts.depth(deployment, dead_letters["messages"]) == 2

    chosen = sluice("redrive", "--yes", "--key-prefix", f"{name}/b", "--format", "json")
    assert chosen.code == 1 and chosen.lines[-1] == {"chosen": 1, "sent": 1, "left": 2}
    eventually(lambda: ended(deployment, {two}, since), "the end of the chosen letter")
    rest = sluice("redrive", "--yes")
    assert rest.code == 1 and rest.out.splitlines()[-1].endswith(f"1 left {left}")
    eventually(lambda: ended(deployment, {one, two}, since), "the end of both")
    assert facts.depth(deployment, dead_letters["events"]) == 0
    assert facts.depth(deployment, dead_letters["messages"]) == 1
    assert sluice("status").code == 1
    deployment.client("sqs").purge_queue(QueueUrl=dead_letters["messages"])


@pytest.mark.slow  # what a killed run took comes back when its half minute is over
def test_a_redrive_that_is_killed_loses_nothing(
    sluice: Sluice, deployment: Deployment, dead_letters: dict[str, str]
) -> None:
    """Killed (SIGKILL) once the first letters are sent: the others come back, and every letter has its end."""
    name, since, versions = unique(), now_ms(), set()
    for number in range(60):
        version, body = letter(deployment, f"{name}/{number}.json")
        versions.add(version)
        put(deployment, dead_letters["messages"], body)
    before = facts.depth(deployment, dead_letters["messages"])
    process = sluice.start("redrive", "--queue", "messages", "--yes", user="operator")
    while process.poll() is None and facts.depth(deployment, dead_letters["messages"]) == before:
        time.sleep(0.005)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    after = facts.depth(deployment, dead_letters["messages"])
    assert process.returncode == -signal.SIGKILL and 0 < after < before, "killed between its first and its last letter"

    def all_sent() -> bool:
        sluice.done("redrive", "--queue", "messages", "--yes")
        return facts.depth(deployment, dead_letters["messages"]) == 0

    eventually(all_sent, "an empty dead-letter queue", patience=90)
    eventually(lambda: ended(deployment, versions, since), "the end of every letter", patience=60)


def test_backfill_announces_what_was_missed(sluice: Sluice, deployment: Deployment) -> None:
    """A version whose event was lost: reconcile finds it, backfill counts it, then announces it, and it ends."""
    name = unique()
    key, item = f"{name}/lost.json", (name, "TRACK#lost")
    upload(deployment, f"{name}/seen.json", music(name, "TRACK#seen"))
    eventually(lambda: facts.item(deployment, (name, "TRACK#seen")) is not None, "the file that was announced")
    version = upload(deployment, key, music(*item))
    eventually(lambda: facts.item(deployment, item) is not None, "the item")
    forget(deployment, item)

    found = sluice("reconcile", "--prefix", f"{name}/", "--grace", "0", "--format", "json")
    assert found.code == 1 and found.lines[0]["key"] == key and found.lines[0]["version_id"] == version
    assert found.lines[-1] | {"stored": 1, "without_end": 1} == found.lines[-1]
    young = sluice.done("reconcile", "--prefix", f"{name}/", "--format", "json")
    assert young.lines[-1]["young"] == 1

    dry = sluice.done("backfill", "--prefix", f"{name}/", "--missing")
    [first, warning] = dry.out.splitlines()
    assert first.startswith("1 to announce to ") and first.endswith("--yes announces them")
    assert "would be stored again" in warning
    assert facts.item(deployment, item) is None
    late = sluice.done("backfill", "--prefix", f"{name}/", "--until", "1h", "--format", "json")
    assert late.lines[-1]["versions"] == 0
    sent = sluice.done("backfill", "--prefix", f"{name}/", "--since", "1h", "--yes", "--format", "json")
    assert (sent.lines[-1]["versions"], sent.lines[-1]["announced"]) == (2, 2)
    eventually(lambda: facts.item(deployment, item) is not None, "the item that was missed")
    assert facts.source_of(facts.item(deployment, item) or {})["version_id"] == version
    whole = sluice.done("reconcile", "--prefix", f"{name}/", "--grace", "0", "--format", "json")
    assert (whole.lines[-1]["stored"], whole.lines[-1]["without_end"]) == (2, 0)


def forget(deployment: Deployment, item: tuple[str, str]) -> None:
    ingest = deployment.ingest
    keys = {ingest.hash_key: {"S": item[0]}, ingest.range_key: {"S": item[1]}}
    deployment.client("dynamodb").delete_item(TableName=ingest.table, Key=keys)


def test_reconcile_knows_duplicates(sluice: Sluice, deployment: Deployment) -> None:
    """The same bytes under another key are an end of their own."""
    name, since = unique(), now_ms()
    body = music(name, "TRACK#1")
    upload(deployment, f"{name}/a.json", body)
    eventually(lambda: facts.item(deployment, (name, "TRACK#1")) is not None, "the item")
    version = upload(deployment, f"{name}/b.json", body)
    eventually(lambda: ended(deployment, {version}, since), "the duplicate's end")
    total = sluice.done("reconcile", "--prefix", f"{name}/", "--grace", "0", "--format", "json").lines[-1]
    assert (total["stored"], total["duplicate"], total["without_end"]) == (1, 1, 0)


def test_backfill_keeps_its_rate(sluice: Sluice, deployment: Deployment) -> None:
    """40 announcements at 20 a second take at least 1.5 s: the first ten go at once."""
    name = unique()
    for number in range(40):
        upload(deployment, f"{name}/{number}.json", music(name, "TRACK#1"))
    quick = took(sluice.done, "backfill", "--prefix", f"{name}/", "--yes", "--rate", "10000")
    slow = took(sluice.done, "backfill", "--prefix", f"{name}/", "--yes", "--rate", "20")
    assert slow >= 1.5 and slow > quick


def test_status_is_one_screen(sluice: Sluice, deployment: Deployment, dead_letters: dict[str, str]) -> None:
    """Depths, dead letters, quarantine and the ends that CloudWatch counts."""
    metric = {
        "MetricName": "Stored",
        "Dimensions": [{"Name": "Function", "Value": deployment.ingest.function}],
        "Value": 7,
        "Unit": "Count",
    }
    before = sluice.done("status", "--format", "json").lines[0]
    deployment.client("cloudwatch").put_metric_data(Namespace="Sluice", MetricData=[metric])
    after = sluice.done("status", "--format", "json").lines[0]
    assert after["metrics"] and after["ends"]["stored"] - (before["ends"]["stored"] or 0) == 7
    others = [count for name, count in before["ends"].items() if name != "stored"]
    assert before["metrics"] or set(others) == {None}, "without metrics there are no zeros"
    assert after["dead_letters"] == {"events": 0, "messages": 0}
    reasons = {key for key in facts.quarantine_keys(deployment) if key.endswith(".reason.json")}
    assert after["quarantined"] == len(reasons)
    text = sluice.done("status").out
    assert deployment.ingest.function in text and "dead letters   0 events, 0 messages" in text
    put(deployment, dead_letters["events"], "x")
    busy = sluice("status")
    assert busy.code == 1 and "(sluice redrive)" in busy.out
    deployment.client("sqs").purge_queue(QueueUrl=dead_letters["events"])


def test_status_is_shown_again_and_again(sluice: Sluice) -> None:
    process = sluice.start("status", "--watch", "1", "--format", "json")
    assert process.stdout
    screens = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.kill()
    process.communicate()
    assert screens[0]["at"] < screens[1]["at"]


def test_the_processor_runs_on_this_machine(sluice: Sluice, deployment: Deployment) -> None:
    """003.20: the Lambda's core on one event, against the real bucket, with the caller's credentials."""
    name = unique()
    item = (name, "TRACK#local")
    version = upload(deployment, f"{name}.json", music(*item))
    eventually(lambda: facts.item(deployment, item) is not None, "the item")
    forget(deployment, item)
    document = json.dumps(event(deployment, f"{name}.json", version, 1)).encode()
    sluice.write("event.json", document)
    ran = sluice.done("ingest", "run-local", "event.json", user="deployer")
    assert '"end":"stored"' in ran.out
    assert facts.item(deployment, item) is not None
    again = sluice.done("ingest", "run-local", "event.json", user="deployer")
    assert '"end":"redelivered"' in again.out
    sluice.write("broken.json", b"{")
    assert sluice("ingest", "run-local", "broken.json", user="deployer").code == 2
    assert sluice("ingest", "run-local", "nowhere.json", user="deployer").code == 2
    sluice.write("strange.json", b"{}")
    assert sluice("ingest", "run-local", "strange.json", user="deployer").code == 1


def test_files_are_judged_before_they_are_uploaded(sluice: Sluice) -> None:
    """The deployed schema and the pipeline's own rules, on this machine."""
    sluice.write("in/good.json", FOREVER)
    sluice.done("schema", "check", "in")
    sluice.write("in/bad.json", FOREVER_BARE)
    mixed = sluice("schema", "check", "in", "--format", "json")
    assert mixed.code == 1 and mixed.lines[-1] == {"valid": 1, "invalid": 1}
    assert mixed.lines[0]["problem"]["path"] == "/Features/L/0"
    assert sluice("schema", "check", "nowhere.json").code == 2
    started = time.monotonic()
    assert sluice("schema", "check", "in/good.json", "--schema", "nowhere.json").code == 2
    assert time.monotonic() - started < 5
