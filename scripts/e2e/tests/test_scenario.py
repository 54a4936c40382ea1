"""What the demo shows, one test a file."""

from __future__ import annotations

import json

import pytest

from .. import facts, report
from ..deployment import Deployment
from ..inbox import Inbox
from ..run import Played, drained
from ..scenario import Step, all_steps


@pytest.mark.parametrize("step", all_steps(), ids=lambda step: step.title.replace(" ", "-"))
def test_file(played: Played, step: Step) -> None:
    """003.8 to 003.16: each file comes to its end, by table, buckets, reasons, notices and log alike."""
    outcome = next(outcome for outcome in played.outcomes if outcome.arrival.step == step)
    assert not outcome.problems, report.table([outcome])


def test_nothing_is_left_over(played: Played, deployment: Deployment) -> None:
    """Every message was ended: both queues are empty."""
    assert facts.depth(deployment, deployment.ingest.dead_letters_url) == 0
    assert drained(deployment)


def test_quarantine_holds_the_refused_and_nothing_else(played: Played, deployment: Deployment) -> None:
    """003.14: a copy and a reason for each refused version; 003 section 3: each under a key of its own."""
    expected = set()
    for outcome in played.outcomes:
        if outcome.arrival.step.end in ("invalid", "conflict"):
            place = f"{outcome.arrival.step.key}/{outcome.arrival.version_id}"
            expected |= {place, f"{place}.reason.json"}
    names = {outcome.arrival.step.key for outcome in played.outcomes}
    found = {
        key for key in facts.quarantine_keys(deployment) if key.removesuffix(".reason.json").rpartition("/")[0] in names
    }
    assert found == expected


def test_a_corrected_upload_is_judged_afresh(played: Played) -> None:
    """003 section 3: what lies in quarantine under the same key does not block the corrected file."""
    first = played.arrival("4EVR, bare list")
    second = played.arrival("4EVR corrected, same key")
    assert first.step.key == second.step.key
    assert first.version_id != second.version_id
    assert [line["end"] for line in played.world.ends[second.version_id]] == ["duplicate"]


def test_a_bare_list_member_is_named_with_its_path(played: Played, deployment: Deployment) -> None:
    """003.12: `{"L":["Knock2"]}` fails with a clear reason."""
    arrival = played.arrival("4EVR, bare list")
    copy = facts.quarantined(deployment, arrival.step.key, arrival.version_id)
    assert copy
    assert {"/Features/L/0", "/Features/L/1"} <= {reason["path"] for reason in copy.document["reasons"]}


def test_redelivery_changes_nothing(played: Played, deployment: Deployment) -> None:
    """003 section 3: the event of a stored file delivered again is a success, and the item keeps its time."""
    arrival = played.arrival("4EVR")
    found = facts.item(deployment, ("ISOKNOCK", "TRACK#4EVR"))
    assert found
    source = facts.source_of(found)
    assert source["version_id"] == arrival.version_id
    ends = [line["end"] for line in played.world.ends[arrival.version_id]]
    assert ends == ["stored", "redelivered"]


def test_metrics_count_every_end(played: Played, deployment: Deployment) -> None:
    """The quiet channel: embedded metrics in the namespace `Sluice`, never more than what the log tells.

    Not exactly as many: the emulator may lose a line that a function writes right before it is retired.
    """
    lines = facts.log_lines(deployment)
    told = [line["end"] for line in lines if "end" in line]
    for name in ("Stored", "Duplicate", "Conflict", "Redelivered", "Gone", "Invalid", "Skipped", "Unreadable"):
        assert 0 < facts.metric(lines, name) <= told.count(name.lower()), name
    declared = {line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in lines if "_aws" in line}
    assert declared == {"Sluice"}


def test_the_log_speaks_as_before_and_tells_no_contents(played: Played) -> None:
    """003.15, 003.16: the first pipeline's lines; neither contents nor who uploaded are ever logged."""
    messages = {line.get("message", "") for line in played.world.lines}
    ingest = played.world.deployment.ingest
    assert f"Checking if object 4evr.json is in quarantine bucket: {ingest.quarantine}" in messages
    assert "Object not found in quarantine." in messages
    assert f"Getting object from S3 bucket: {ingest.processing}, key: 4evr.json" in messages
    assert "JSON structure is valid." in messages
    assert any(message.startswith("Inserting item into DynamoDB table: sluice-") for message in messages)
    assert "Item inserted successfully into DynamoDB." in messages
    everything = json.dumps(played.world.lines, ensure_ascii=False)
    for secret in ("6000000", "Isoxo", "127.0.0.1", "requester", "source-ip-address"):
        assert secret not in everything


def test_every_line_names_its_message_and_object(played: Played) -> None:
    """Lines of files that are worked on side by side can be told apart."""
    for line in played.world.lines:
        if line.get("level") in ("INFO", "WARN") and line["message"] != "Nothing to do.":
            assert {"message_id", "bucket", "key"} <= line.keys(), line


def test_notices_say_what_and_where(played: Played, inbox: Inbox) -> None:
    """003.17: people are told of what was refused, with a subject that a mail can carry."""
    arrival = played.arrival("BLIND under 4EVR's ItemID")
    notice = next(notice for notice in inbox.read() if notice.version_id == arrival.version_id)
    assert notice.end == "conflict"
    assert notice.subject.isascii() and len(notice.subject) <= 100 and "\n" not in notice.subject
    assert notice.message["other"]["key"] == "4evr.json"


def test_people_subscribe_by_mail(deployment: Deployment) -> None:
    """003.17: the addresses of the variables are subscribed to the topic of notices."""
    found = deployment.client("sns").list_subscriptions_by_topic(TopicArn=deployment.ingest.topic_arn)["Subscriptions"]
    assert ("email", "people@example.org") in {(entry["Protocol"], entry["Endpoint"]) for entry in found}
