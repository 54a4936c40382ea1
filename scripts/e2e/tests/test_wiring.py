"""What the emulator does not enforce between services is read from the state; each check is shown to bite."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable

import pytest

from .. import wiring


def test_everything_is_let_in(state: dict) -> None:
    """003.10, 003.17: event -> queue, queue -> dead letters, queue -> function, alarm -> topic, function -> log."""
    assert wiring.problems(state) == []


def edit(shown: dict, kind: str, change: Callable[[dict], None]) -> None:
    """Changes the values of every resource of a type."""
    found = [entry for entry in wiring.resources(shown) if entry["type"] == kind]
    assert found, kind
    for entry in found:
        change(entry["values"])


def drop(attribute: str, sid: str) -> Callable[[dict], None]:
    """Takes a statement out of a policy."""

    def change(values: dict) -> None:
        document = json.loads(values[attribute])
        document["Statement"] = [statement for statement in document["Statement"] if statement["Sid"] != sid]
        values[attribute] = json.dumps(document)

    return change


def assign(**values: object) -> Callable[[dict], None]:
    return lambda found: found.update(values)


FAULTS = [
    ("aws_sqs_queue", drop("policy", "TakeEvents"), "does not let"),
    ("aws_sqs_queue", drop("policy", "TakeUndelivered"), "does not let"),
    ("aws_sqs_queue", assign(redrive_allow_policy='{"redrivePermission":"denyAll"}'), "does not take the dead letters"),
    ("aws_sqs_queue", assign(message_retention_seconds=60), "keeps messages no longer"),
    ("aws_sqs_queue", assign(visibility_timeout_seconds=30), "hides a message"),
    ("aws_sns_topic", drop("policy", "PublishAlarm"), "does not let"),
    ("aws_kms_key", drop("policy", "EncryptAlarmNotices"), "may not use it"),
    ("aws_iam_role_policy", drop("policy", "TakeFromQueue"), "lacks sqs:ReceiveMessage"),
    ("aws_iam_role_policy", drop("policy", "OpenLogStream"), "lacks logs:CreateLogStream"),
    ("aws_iam_role_policy", drop("policy", "WriteLog"), "lacks logs:PutLogEvents"),
    ("aws_cloudwatch_log_group", assign(name="/elsewhere"), "its log group"),
    ("aws_cloudwatch_event_rule", assign(arn="arn:aws:events:eu-central-1:111122223333:rule/other"), "does not let"),
]


EVERYTHING = '{"Statement":[{"Sid":"All","Effect":"Allow","Action":"kms:*","Resource":"*"}]}'

# Of the provenance: what a stack without it cannot show.
PROVENANCE_FAULTS = [
    ("aws_s3_bucket_notification", assign(eventbridge=False), "announces nothing"),
    ("aws_s3_bucket_policy", drop("policy", "CheckTrailBucket"), "does not let it s3:GetBucketAcl"),
    ("aws_s3_bucket_policy", drop("policy", "WriteTrail"), "does not let it s3:PutObject"),
    ("aws_kms_key", drop("policy", "EncryptTrail"), "cloudtrail.amazonaws.com may not use it"),
    ("aws_kms_key", drop("policy", "SignManifests"), "not for one role to sign with"),
    ("aws_iam_role", assign(arn="arn:aws:iam::111122223333:role/other"), "not for one role to sign with"),
    ("aws_iam_role_policy", assign(policy=EVERYTHING), "may sign with more"),
    ("aws_lambda_permission", assign(source_arn="arn:aws:events:eu-central-1:111122223333:rule/x"), "does not let"),
    ("aws_lambda_permission", assign(function_name="other"), "does not let"),
    ("aws_cloudtrail", assign(arn="arn:aws:cloudtrail:eu-central-1:111122223333:trail/other"), "does not let it"),
]


@pytest.fixture
def watched(state: dict) -> dict:
    """The state, if the stack has a provenance."""
    if not any(entry["type"] == "aws_cloudtrail" for entry in wiring.resources(state)):
        pytest.skip("this stack has no provenance")
    return state


@pytest.mark.parametrize(
    ("kind", "change", "complaint"),
    PROVENANCE_FAULTS,
    ids=[f"{fault[0]}-{number}" for number, fault in enumerate(PROVENANCE_FAULTS)],
)
def test_a_missing_permission_of_the_provenance_is_found(
    watched: dict, kind: str, change: Callable[[dict], None], complaint: str
) -> None:
    broken = copy.deepcopy(watched)
    edit(broken, kind, change)
    assert any(complaint in problem for problem in wiring.problems(broken))


def test_the_trail_does_not_log_itself(watched: dict) -> None:
    """001.16: each delivery would be the next event."""
    broken = copy.deepcopy(watched)

    def own(values: dict) -> None:
        selectors = values["advanced_event_selector"][0]["field_selector"]
        (objects,) = [field for field in selectors if field["field"] == "resources.ARN"]
        objects["starts_with"].append(f"arn:aws:s3:::{values['s3_bucket_name']}/")

    edit(broken, "aws_cloudtrail", own)
    assert any("its own deliveries" in problem for problem in wiring.problems(broken))


def test_one_notification_for_each_bucket_that_is_watched(watched: dict) -> None:
    """001.12: what holds receipts, logs or answers announces nothing."""
    found = [entry["values"] for entry in wiring.resources(watched) if entry["type"] == "aws_s3_bucket_notification"]
    assert sorted(values["bucket"].split("-")[2] for values in found) == ["data", "processing"]


@pytest.mark.parametrize(
    ("kind", "change", "complaint"), FAULTS, ids=[f"{fault[0]}-{number}" for number, fault in enumerate(FAULTS)]
)
def test_a_missing_permission_is_found(state: dict, kind: str, change: Callable[[dict], None], complaint: str) -> None:
    broken = copy.deepcopy(state)
    edit(broken, kind, change)
    assert any(complaint in problem for problem in wiring.problems(broken))


def test_the_bucket_announces(state: dict) -> None:
    """003.10: without the bucket's EventBridge notification the rule never fires."""
    found = [entry["values"] for entry in wiring.resources(state) if entry["type"] == "aws_s3_bucket_notification"]
    assert found and all(values["eventbridge"] for values in found)


def test_every_alarm_reaches_people(state: dict) -> None:
    """Every alarm acts on the topic that has the addresses of `alarm_emails`."""
    of_kind = {
        kind: [entry["values"] for entry in wiring.resources(state) if entry["type"] == kind]
        for kind in ("aws_cloudwatch_metric_alarm", "aws_sns_topic_subscription")
    }
    heard = {
        values["topic_arn"]
        for values in of_kind["aws_sns_topic_subscription"]
        if values["endpoint"] == "operators@example.org"
    }
    alarms = of_kind["aws_cloudwatch_metric_alarm"]
    assert alarms and heard
    assert all(set(values["alarm_actions"]) <= heard and values["alarm_actions"] for values in alarms)


def test_no_managed_policy_is_attached(state: dict) -> None:
    """003.19: the four managed FullAccess policies are replaced by statements of our own."""
    assert [entry for entry in wiring.resources(state) if entry["type"] == "aws_iam_role_policy_attachment"] == []
