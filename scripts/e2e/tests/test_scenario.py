"""The scenario of the demo, one test per file."""

from __future__ import annotations

import json

import pytest

from .. import readback, report
from ..deployment import Deployment
from ..inbox import Inbox
from ..ingest_events import queue_is_empty
from ..scenario import Step, all_steps
from ..scenario_run import Played
from .ingest_steps import copy_and_reason


@pytest.mark.parametrize("step", all_steps(), ids=lambda step: step.title.replace(" ", "-"))
def test_file(played: Played, step: Step) -> None:
    """Each file has its outcome: table, buckets, reason records, notices and log agree."""
    result = next(result for result in played.results if result.arrival.step == step)
    assert not result.problems, report.table([result])


def test_no_message_is_left(played: Played, deployment: Deployment) -> None:
    """Both queues are empty."""
    assert readback.depth(deployment, deployment.ingest.dead_letters_url) == 0
    assert queue_is_empty(deployment)


def test_quarantine_has_only_quarantined_versions(played: Played, deployment: Deployment) -> None:
    """A copy and a reason record for each quarantined version, each under its own key."""
    expected = set()
    for result in played.results:
        if result.arrival.step.outcome in ("invalid", "conflict"):
            expected |= copy_and_reason(result.arrival.step.key, result.arrival.version_id)
    names = {result.arrival.step.key for result in played.results}
    found = {
        key
        for key in readback.quarantine_keys(deployment)
        if key.removesuffix(".reason.json").rpartition("/")[0] in names
    }
    assert found == expected


def test_a_corrected_upload_is_validated_again(played: Played) -> None:
    """A file in quarantine does not block a corrected file with the same key."""
    first = played.arrival("4EVR, bare list")
    second = played.arrival("4EVR corrected, same key")
    assert first.step.key == second.step.key
    assert first.version_id != second.version_id
    assert [line["end"] for line in played.observations.outcomes[second.version_id]] == ["duplicate"]


def test_an_untyped_list_member_is_reported_with_its_path(played: Played, deployment: Deployment) -> None:
    """`{"L":["Knock2"]}` is invalid."""
    arrival = played.arrival("4EVR, bare list")
    copy = readback.quarantined(deployment, arrival.step.key, arrival.version_id)
    assert copy
    assert {"/Features/L/0", "/Features/L/1"} <= {reason["path"] for reason in copy.document["reasons"]}


def test_redelivery_changes_nothing(played: Played, deployment: Deployment) -> None:
    """The redelivered event of a stored file succeeds, and the item is unchanged."""
    arrival = played.arrival("4EVR")
    found = readback.item(deployment, ("ISOKNOCK", "TRACK#4EVR"))
    assert found
    source = readback.source_of(found)
    assert source["version_id"] == arrival.version_id
    outcomes = [line["end"] for line in played.observations.outcomes[arrival.version_id]]
    assert outcomes == ["stored", "redelivered"]


def test_metrics_count_every_outcome(played: Played, deployment: Deployment) -> None:
    """Embedded metrics are in the namespace `Sluice`, and count no more than the outcomes in the log.

    They may count less: the emulator can lose a line that a function writes right before it is stopped.
    """
    lines = readback.log_lines(deployment)
    outcomes = [line["end"] for line in lines if "end" in line]
    for name in ("Stored", "Duplicate", "Conflict", "Redelivered", "Gone", "Invalid", "Skipped", "Unreadable"):
        assert 0 < readback.metric(lines, name) <= outcomes.count(name.lower()), name
    declared = {line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in lines if "_aws" in line}
    assert declared == {"Sluice"}


def test_the_log_has_the_known_lines_and_no_contents(played: Played) -> None:
    """The log has the lines of the first pipeline, but neither contents nor the identity of the uploader."""
    messages = {line.get("message", "") for line in played.observations.lines}
    ingest = played.observations.deployment.ingest
    assert f"Checking if object 4evr.json is in quarantine bucket: {ingest.quarantine}" in messages
    assert "Object not found in quarantine." in messages
    assert f"Getting object from S3 bucket: {ingest.processing}, key: 4evr.json" in messages
    assert "JSON structure is valid." in messages
    assert any(message.startswith("Inserting item into DynamoDB table: sluice-") for message in messages)
    assert "Item inserted successfully into DynamoDB." in messages
    everything = json.dumps(played.observations.lines, ensure_ascii=False)
    for secret in ("6000000", "Isoxo", "127.0.0.1", "requester", "source-ip-address"):
        assert secret not in everything


def test_every_line_has_its_message_and_object(played: Played) -> None:
    """Lines of files that are processed concurrently can be distinguished."""
    for line in played.observations.lines:
        if line.get("level") in ("INFO", "WARN") and line["message"] != "Nothing to do.":
            assert {"message_id", "bucket", "key"} <= line.keys(), line


def test_notices_have_outcome_and_key(played: Played, inbox: Inbox) -> None:
    """The subject of a notice is valid for e-mail."""
    arrival = played.arrival("BLIND under 4EVR's ItemID")
    notice = next(notice for notice in inbox.read() if notice.version_id == arrival.version_id)
    assert notice.outcome == "conflict"
    assert notice.subject.isascii() and len(notice.subject) <= 100 and "\n" not in notice.subject
    assert notice.message["other"]["key"] == "4evr.json"


def test_the_mail_addresses_are_subscribed(deployment: Deployment) -> None:
    """The addresses in the variables are subscribed to the topic of notices."""
    found = deployment.client("sns").list_subscriptions_by_topic(TopicArn=deployment.ingest.topic_arn)["Subscriptions"]
    assert ("email", "people@example.org") in {(entry["Protocol"], entry["Endpoint"]) for entry in found}
