"""Permissions between services, which the emulator does not enforce, are checked in the state; so are the checks."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable

import pytest

from .. import wiring


def test_services_have_the_permissions_they_need(state: dict) -> None:
    """Event -> queue, queue -> dead letters, queue -> function, alarm -> topic, function -> log."""
    assert wiring.problems(state) == []


def edit(shown: dict, kind: str, change: Callable[[dict], None]) -> None:
    """Changes the values of every resource of a type."""
    found = [entry for entry in wiring.resources(shown) if entry["type"] == kind]
    assert found, kind
    for entry in found:
        change(entry["values"])


def drop(attribute: str, sid: str) -> Callable[[dict], None]:
    """Removes a statement from a policy."""

    def change(values: dict) -> None:
        document = json.loads(values[attribute])
        document["Statement"] = [statement for statement in document["Statement"] if statement["Sid"] != sid]
        values[attribute] = json.dumps(document)

    return change


def assign(**values: object) -> Callable[[dict], None]:
    return lambda found: found.update(values)


FAULTS = [
    ("aws_sqs_queue", drop("policy", "TakeEvents"), "does not allow"),
    ("aws_sqs_queue", drop("policy", "TakeUndelivered"), "does not allow"),
    ("aws_sqs_queue", assign(redrive_allow_policy='{"redrivePermission":"denyAll"}'), "as a source"),
    ("aws_sqs_queue", assign(message_retention_seconds=60), "does not keep messages longer"),
    ("aws_sqs_queue", assign(visibility_timeout_seconds=30), "the visibility timeout"),
    ("aws_sns_topic", drop("policy", "PublishAlarm"), "does not allow"),
    ("aws_kms_key", drop("policy", "EncryptAlarmNotices"), "may not use it"),
    ("aws_iam_role_policy", drop("policy", "TakeFromQueue"), "lacks sqs:ReceiveMessage"),
    ("aws_iam_role_policy", drop("policy", "OpenLogStream"), "lacks logs:CreateLogStream"),
    ("aws_iam_role_policy", drop("policy", "WriteLog"), "lacks logs:PutLogEvents"),
    ("aws_cloudwatch_log_group", assign(name="/elsewhere"), "its log group"),
    ("aws_cloudwatch_event_rule", assign(arn="arn:aws:events:eu-central-1:111122223333:rule/other"), "does not allow"),
]


EVERYTHING = '{"Statement":[{"Sid":"All","Effect":"Allow","Action":"kms:*","Resource":"*"}]}'

# Faults in the provenance module.
PROVENANCE_FAULTS = [
    ("aws_s3_bucket_notification", assign(eventbridge=False), "sends no events"),
    ("aws_s3_bucket_policy", drop("policy", "CheckTrailBucket"), "does not allow it s3:GetBucketAcl"),
    ("aws_s3_bucket_policy", drop("policy", "WriteTrail"), "does not allow it s3:PutObject"),
    ("aws_kms_key", drop("policy", "EncryptTrail"), "cloudtrail.amazonaws.com may not use it"),
    ("aws_kms_key", drop("policy", "SignManifests"), "does not allow exactly one role to sign"),
    ("aws_iam_role", assign(arn="arn:aws:iam::111122223333:role/other"), "does not allow exactly one role to sign"),
    ("aws_iam_role_policy", assign(policy=EVERYTHING), "may sign with other keys"),
    ("aws_lambda_permission", assign(source_arn="arn:aws:events:eu-central-1:111122223333:rule/x"), "does not allow"),
    ("aws_lambda_permission", assign(function_name="other"), "does not allow"),
    ("aws_cloudtrail", assign(arn="arn:aws:cloudtrail:eu-central-1:111122223333:trail/other"), "does not allow it"),
]


@pytest.mark.parametrize(
    ("kind", "change", "complaint"),
    PROVENANCE_FAULTS,
    ids=[f"{fault[0]}-{number}" for number, fault in enumerate(PROVENANCE_FAULTS)],
)
def test_a_missing_permission_of_provenance_is_found(
    state: dict, kind: str, change: Callable[[dict], None], complaint: str
) -> None:
    broken = copy.deepcopy(state)
    edit(broken, kind, change)
    assert any(complaint in problem for problem in wiring.problems(broken))


def test_the_trail_does_not_log_itself(state: dict) -> None:
    """Each delivery would cause another event."""
    broken = copy.deepcopy(state)

    def add_own_bucket(values: dict) -> None:
        selectors = values["advanced_event_selector"][0]["field_selector"]
        (objects,) = [field for field in selectors if field["field"] == "resources.ARN"]
        objects["starts_with"].append(f"arn:aws:s3:::{values['s3_bucket_name']}/")

    edit(broken, "aws_cloudtrail", add_own_bucket)
    assert any("its own deliveries" in problem for problem in wiring.problems(broken))


def test_only_watched_buckets_send_events(state: dict) -> None:
    """Buckets of receipts, logs or query results send no events."""
    found = [entry["values"] for entry in wiring.resources(state) if entry["type"] == "aws_s3_bucket_notification"]
    assert sorted(values["bucket"].split("-")[2] for values in found) == ["data", "processing"]


@pytest.mark.parametrize(
    ("kind", "change", "complaint"), FAULTS, ids=[f"{fault[0]}-{number}" for number, fault in enumerate(FAULTS)]
)
def test_a_missing_permission_is_found(state: dict, kind: str, change: Callable[[dict], None], complaint: str) -> None:
    broken = copy.deepcopy(state)
    edit(broken, kind, change)
    assert any(complaint in problem for problem in wiring.problems(broken))


def test_the_bucket_sends_events(state: dict) -> None:
    """Without the bucket's EventBridge notification, the rule receives no events."""
    found = [entry["values"] for entry in wiring.resources(state) if entry["type"] == "aws_s3_bucket_notification"]
    assert found and all(values["eventbridge"] for values in found)


def test_every_alarm_notifies_operators(state: dict) -> None:
    """The action of every alarm is the topic that the addresses in `alarm_emails` are subscribed to."""
    of_kind = {
        kind: [entry["values"] for entry in wiring.resources(state) if entry["type"] == kind]
        for kind in ("aws_cloudwatch_metric_alarm", "aws_sns_topic_subscription")
    }
    subscribed = {
        values["topic_arn"]
        for values in of_kind["aws_sns_topic_subscription"]
        if values["endpoint"] == "operators@example.org"
    }
    alarms = of_kind["aws_cloudwatch_metric_alarm"]
    assert alarms and subscribed
    assert all(set(values["alarm_actions"]) <= subscribed and values["alarm_actions"] for values in alarms)


def test_no_managed_policy_is_attached(state: dict) -> None:
    """Permissions are inline statements, not AWS managed policies."""
    assert [entry for entry in wiring.resources(state) if entry["type"] == "aws_iam_role_policy_attachment"] == []
