"""Resources of the systems and how they are connected, in a plan with the real provider.

What a policy, a name or an output is, and what one module has, is tested in `terraform/tests`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from ..offline import ACCOUNT, Offline
from ..wiring import resources
from .settings_cases import SCHEMAS, deployment

KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/mine"
MUSIC = {"table": {"hash_key": "ArtistID", "range_key": "ItemID", "replica_regions": ["us-east-2"]}}
MUSIC_SCHEMA = "../../examples/eventpulse/music-item.schema.json"
ROLE, ON_CALL, PAT = (f"arn:aws:iam::{ACCOUNT}:{name}" for name in ("role/studio", "role/on-call", "user/pat"))
INGEST = MUSIC | {
    "schema_file": MUSIC_SCHEMA,
    "processing_bucket": {"force_destroy": True, "expire_noncurrent_days": 20},
    "quarantine_bucket": {"expire_noncurrent_days": 40, "retention_days": 400},
    "check_item_id": True,
    "max_object_mib": 3,
    "notify_on": ["stored", "invalid"],
    "notify_emails": ["music@example.org", "label@example.org"],
    "uploader_principals": [ROLE],
    "operator_principals": [ON_CALL, PAT],
    "memory_mb": 300,
    "timeout_s": 70,
    "max_concurrency": 7,
}
PROVENANCE = {
    "data_bucket": {"force_destroy": True},
    "prefixes": ["incoming", "reports/"],
    "receipts_bucket": {"object_lock": {"mode": "COMPLIANCE", "days": 7}, "journal_days": 9},
    "trail": {"retention_days": 400},
    "athena": {"scan_limit_mib": 100, "results_days": 3},
    "uploader_principals": [ROLE],
    "auditor_principals": [f"arn:aws:iam::{ACCOUNT}:role/audit"],
    "operator_principals": [ON_CALL],
    "memory_mb": 300,
    "timeout_s": 70,
    "max_concurrency": 7,
}
OTHER_INGEST = {
    "quarantine_bucket": {"force_destroy": True},
    "table": {"hash_key": "OrderID", "range_key": "", "deletion_protection": False},
    "schema_file": f"{SCHEMAS}/order.json",
    "prefix": "in",
    "notify_on": [],
    "uploader_user": "studio-upload",
    "encryption": "sse-kms",
    "timeout_s": 10,
    "batch_size": 11,
    "names": {"queue": "files", "rule": "my.rule"},
}
# Receipts in the data bucket, and the whole processing bucket is watched.
OTHER_PROVENANCE = {
    "data_bucket": {"name": "raw"},
    "watch": ["ingest", "quarantine"],
    "receipts_bucket": {"in_data_bucket": True, "journal_days": 9},
    "write_once": False,
    "trail": {"bucket_name": "logs", "force_destroy": True, "management_events": True},
    "encryption": "sse-s3",
    "timeout_s": 60,
    "batch_size": 11,
    "names": {
        "rule": "my.rule",
        "queue": "objects",
        "trail": "my-trail",
        "database": "db",
        "workgroup": "questions",
        "schedule": "each.hour",
        "signing_key": "team/ledger",
    },
}
WATCHED_INGEST = MUSIC | {"schema_file": MUSIC_SCHEMA, "processing_bucket": {"name": "files"}}


class Plan:
    """The values of the resources of one deployment."""

    def __init__(self, shown: dict, key: str) -> None:
        start = f"module.{key}."
        self._values = {
            entry["address"].removeprefix(start): entry["values"]
            for entry in resources(shown)
            if entry["address"].startswith(start)
        }

    def one(self, address: str) -> dict[str, Any]:
        return self._values[address]

    def all(self, start: str, kind: str) -> dict[str, dict[str, Any]]:
        """By the part of the address between `start` and the type; the key of an instance is its own."""
        return {
            address.removeprefix(start): values
            for address, values in self._values.items()
            if address.startswith(start) and f".{kind}." in f".{address.removeprefix(start)}"
        }

    def alarms(self, system: str) -> dict[str, dict[str, Any]]:
        name = f"module.{system}[0].module.consumer.module.alarms.aws_cloudwatch_metric_alarm.this"
        found = {key: values for key, values in self._values.items() if key.startswith(f"{name}[")}
        return {key.removeprefix(f'{name}["').removesuffix('"]'): values for key, values in found.items()}

    def encryption(self, bucket: str) -> tuple[str, str | None, bool | None]:
        [rule] = self.one(f"{bucket}.aws_s3_bucket_server_side_encryption_configuration.this")["rule"]
        [default] = rule["apply_server_side_encryption_by_default"]
        return default["sse_algorithm"], default["kms_master_key_id"] or None, rule["bucket_key_enabled"]

    def lifecycle(self, bucket: str) -> dict[str, tuple[int | None, int | None]]:
        """Days after which current and noncurrent versions expire, by rule."""

        def days(rule: dict, block: str, name: str) -> int | None:
            return rule[block][0][name] if rule[block] else None

        rules = self.one(f"{bucket}.aws_s3_bucket_lifecycle_configuration.this")["rule"]
        return {
            rule["id"]: (days(rule, "expiration", "days"), days(rule, "noncurrent_version_expiration", "noncurrent_days"))
            for rule in rules
        }


@pytest.fixture(scope="module")
def shown(offline: Offline) -> dict:
    common = {"kms_key_arn": KEY, "alarm_emails": ["ops@example.org"]}
    planned = offline.plan(
        "planned",
        {
            "given": deployment(ingest=INGEST, provenance=PROVENANCE, **common),
            "other": deployment(ingest=OTHER_INGEST, environment="other", **common),
            "shared": deployment(ingest=WATCHED_INGEST, provenance=OTHER_PROVENANCE, environment="shared", **common),
            "destroyed": deployment(
                ingest=MUSIC | {"schema_file": MUSIC_SCHEMA}, provenance={}, environment="end", allow_destroy=True
            ),
        },
    )
    assert planned.errors() == []
    return planned.show()


@pytest.fixture(scope="module")
def given(shown: dict) -> Plan:
    return Plan(shown, "given")


@pytest.fixture(scope="module")
def other(shown: dict) -> Plan:
    return Plan(shown, "other")


@pytest.fixture(scope="module")
def shared(shown: dict) -> Plan:
    return Plan(shown, "shared")


CONSUMERS = {
    "ingest": ("sluice-dev-ingest", 10, 185),
    "provenance": ("sluice-dev-provenance", 4, 185),
}


@pytest.mark.parametrize("system", CONSUMERS)
def test_events_reach_the_function_through_queues(given: Plan, system: str) -> None:
    name, batch_size, attempts = CONSUMERS[system]
    at, arn = f"module.{system}[0].module.consumer", f"arn:aws:sqs:eu-central-1:{ACCOUNT}:{name}"
    [target] = given.all(f"{at}.", "aws_cloudwatch_event_target").values()
    assert (target["rule"], target["arn"]) == (name, arn)
    assert target["dead_letter_config"] == [{"arn": f"{arn}-event-dead-letters"}]
    assert target["retry_policy"] == [{"maximum_event_age_in_seconds": 86400, "maximum_retry_attempts": attempts}]

    queue, dead, events = (
        given.one(f"{at}.module.{part}.aws_sqs_queue.this") for part in ("queue", "queue_dead_letters", "event_dead_letters")
    )
    assert queue["visibility_timeout_seconds"] == 6 * 70
    assert json.loads(queue["redrive_policy"]) == {"deadLetterTargetArn": f"{arn}-dead-letters", "maxReceiveCount": 5}
    allowed = {"redrivePermission": "byQueue", "sourceQueueArns": [arn]}
    assert json.loads(dead["redrive_allow_policy"]) == allowed
    assert json.loads(events["redrive_allow_policy"]) == {"redrivePermission": "denyAll"}
    assert [found["message_retention_seconds"] for found in (queue, dead, events)] == [345600, 1209600, 1209600]

    mapping = given.one(f"{at}.aws_lambda_event_source_mapping.this")
    function = given.one(f"module.{system}[0].module.function.aws_lambda_function.this")
    assert mapping["event_source_arn"] == arn
    assert mapping["function_name"] == f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{name}"
    assert mapping["function_response_types"] == ["ReportBatchItemFailures"]
    assert (mapping["batch_size"], mapping["maximum_batching_window_in_seconds"]) == (batch_size, 0)
    assert mapping["scaling_config"] == [{"maximum_concurrency": 7}]
    assert (function["timeout"], function["memory_size"]) == (70, 300)
    assert function["filename"].endswith("tests/package.txt")


def test_rules_match_new_objects_under_the_prefixes(given: Plan, other: Plan, shared: Plan) -> None:
    def patterns(plan: Plan) -> dict[str, Any]:
        rules = plan.all("", "aws_cloudwatch_event_rule").values()
        found = {rule["name"]: json.loads(rule["event_pattern"]) for rule in rules if rule["event_pattern"]}
        assert all(one.pop("source") == ["aws.s3"] for one in found.values())
        assert all(one.pop("detail-type") == ["Object Created"] for one in found.values())
        return {name: (one["detail"]["bucket"]["name"], one["detail"]["object"]["key"]) for name, one in found.items()}

    whole = [{"anything-but": {"prefix": "_sluice/"}}]
    assert patterns(given) == {
        "sluice-dev-ingest": ([f"sluice-dev-processing-eu-central-1-{ACCOUNT}"], whole),
        "sluice-dev-provenance": (
            [f"sluice-dev-data-eu-central-1-{ACCOUNT}"],
            [{"prefix": "incoming/"}, {"prefix": "reports/"}],
        ),
    }
    assert patterns(other) == {"my.rule": ([f"sluice-other-processing-eu-central-1-{ACCOUNT}"], [{"prefix": "in/"}])}
    assert patterns(shared) == {
        "sluice-shared-ingest": (["files"], whole),
        "my.rule": (["raw"], [{"prefix": "incoming/"}]),
        "my.rule-ingest": (["files"], whole),
        "my.rule-quarantine": ([f"sluice-shared-quarantine-eu-central-1-{ACCOUNT}"], whole),
    }


def test_only_watched_buckets_send_events(given: Plan, shared: Plan) -> None:
    def sending(plan: Plan) -> set[str]:
        return {address.rpartition(".aws_s3")[0] for address in plan.all("", "aws_s3_bucket_notification")}

    assert sending(given) == {"module.ingest[0].module.processing", "module.provenance[0].module.data"}
    assert sending(shared) == sending(given) | {"module.ingest[0].module.quarantine"}


def test_each_bucket_has_its_own_settings(given: Plan, other: Plan, shared: Plan) -> None:
    def destroyable(plan: Plan) -> set[str]:
        buckets = plan.all("", "aws_s3_bucket").items()
        return {address.split(".module.")[-1].split(".")[0] for address, values in buckets if values["force_destroy"]}

    assert destroyable(given) == {"processing", "data", "queries"}
    assert destroyable(other) == {"quarantine"}
    assert destroyable(shared) == {"trail_bucket", "queries"}
    usual = {"abort-multipart": (None, None), "remove-expired-delete-markers": (0, None)}

    def lifecycle(plan: Plan, bucket: str) -> dict:
        found = plan.lifecycle(bucket)
        return {name: days for name, days in found.items() if name not in usual}

    assert lifecycle(given, "module.ingest[0].module.processing") == {"expire-noncurrent": (None, 20)}
    assert lifecycle(given, "module.ingest[0].module.quarantine") == {
        "expire-noncurrent": (None, 40),
        "expire-current": (400, None),
    }
    assert lifecycle(given, "module.provenance[0].module.data") == {}
    # Only journal entries expire.
    assert lifecycle(given, "module.provenance[0].module.receipts[0]") == {"expire-journal": (9, 1)}
    assert lifecycle(given, "module.provenance[0].module.trail_bucket")["expire-current"] == (400, None)
    assert lifecycle(given, "module.provenance[0].module.queries")["expire-current"] == (3, None)
    assert lifecycle(shared, "module.provenance[0].module.data") == {"expire-journal": (9, 1)}
    assert not shared.all("module.provenance[0].module.receipts", "aws_s3_bucket")


def test_object_lock_is_on_the_receipts_bucket_only(given: Plan) -> None:
    buckets = given.all("", "aws_s3_bucket").items()
    assert [address for address, values in buckets if values["object_lock_enabled"]] == [
        "module.provenance[0].module.receipts[0].aws_s3_bucket.this"
    ]


def test_buckets_and_topics_are_encrypted(given: Plan, other: Plan, shared: Plan) -> None:
    own, aws = ("aws:kms", KEY, True), ("AES256", None, False)
    ingest = [f"module.ingest[0].module.{name}" for name in ("processing", "quarantine")]
    provenance = [f"module.provenance[0].module.{name}" for name in ("data", "receipts[0]", "trail_bucket", "queries")]
    assert [given.encryption(bucket) for bucket in ingest] == [aws, aws]
    assert [other.encryption(bucket) for bucket in ingest] == [own, own]
    assert [given.encryption(bucket) for bucket in provenance] == [own] * 4
    assert shared.encryption("module.provenance[0].module.data") == aws
    topics = given.all("", "aws_sns_topic").values()
    assert {topic["name"]: topic["kms_master_key_id"] for topic in topics} == {
        "sluice-dev-alarms": KEY,
        "sluice-dev-ingest": KEY,
    }
    # A bucket or trail without the key needs no statement for it.
    names = [address for address in shared.all("", "aws_iam_role_policy") if "encrypted-buckets" in address]
    assert names == []


def test_addresses_are_subscribed(given: Plan, other: Plan) -> None:
    def endpoints(plan: Plan) -> dict[str, list[str]]:
        found = plan.all("", "aws_sns_topic_subscription").items()
        return {address.rpartition(".aws_sns")[0]: [] for address, _ in found} | {
            topic: sorted(values["endpoint"] for address, values in found if address.startswith(f"{topic}."))
            for topic in {address.rpartition(".aws_sns")[0] for address, _ in found}
        }

    assert endpoints(given) == {
        "module.alarm_topic": ["ops@example.org"],
        "module.ingest[0].module.topic": ["label@example.org", "music@example.org"],
    }
    assert endpoints(other) == {"module.alarm_topic": ["ops@example.org"]}


def test_each_role_trusts_its_own_principals(given: Plan, other: Plan, shared: Plan) -> None:
    """Without principals no role is created; no user has permissions of its own, and nothing makes access keys."""

    def trusted(plan: Plan) -> dict[str, list[str]]:
        roles = plan.all("", "aws_iam_role").items()
        found = {address: json.loads(values["assume_role_policy"])["Statement"] for address, values in roles}
        people = {address: one["Principal"]["AWS"] for address, [one] in found.items() if "AWS" in one["Principal"]}
        return {address.removeprefix("module.").partition(".module.role")[0]: who for address, who in people.items()}

    def listed(who: str | list[str]) -> list[str]:
        return who if isinstance(who, list) else [who]

    assert {name: listed(who) for name, who in trusted(given).items()} == {
        "ingest[0].module.uploader": [ROLE],
        "ingest[0].module.operator": [ON_CALL, PAT],
        "provenance[0].module.uploader": [ROLE],
        "provenance[0].module.auditor": [f"arn:aws:iam::{ACCOUNT}:role/audit"],
        "provenance[0].module.operator": [ON_CALL],
    }
    user = f"arn:aws:iam::{ACCOUNT}:user/studio-upload"
    assert {name: listed(who) for name, who in trusted(other).items()} == {"ingest[0].module.uploader": [user]}
    assert trusted(shared) == {}
    assert list(other.all("", "aws_iam_user")) == ["module.ingest[0].aws_iam_user.uploader[0]"]
    for kind in ("aws_iam_user_policy", "aws_iam_user_policy_attachment", "aws_iam_access_key"):
        assert other.all("", kind) == {}


def described(alarm: dict) -> str:
    dimensions = "".join(alarm["dimensions"].values())
    words = (alarm["namespace"], alarm["metric_name"], dimensions, alarm["statistic"], alarm["comparison_operator"])
    return f"{' '.join(words)} {alarm['threshold']:g}"


def hops(name: str) -> dict[str, str]:
    return {
        "event-dead-letters": f"AWS/SQS ApproximateNumberOfMessagesVisible {name}-event-dead-letters Maximum GreaterThanThreshold 0",
        "queue-dead-letters": f"AWS/SQS ApproximateNumberOfMessagesVisible {name}-dead-letters Maximum GreaterThanThreshold 0",
        "oldest-message": f"AWS/SQS ApproximateAgeOfOldestMessage {name} Maximum GreaterThanThreshold 1260",
        "throttles": f"AWS/Lambda Throttles {name} Sum GreaterThanThreshold 0",
        "failed-invocations": f"AWS/Events FailedInvocations {name} Sum GreaterThanThreshold 0",
        "events-lost": f"AWS/Events InvocationsFailedToBeSentToDlq {name} Sum GreaterThanThreshold 0",
    }


def test_every_hop_has_an_alarm(given: Plan) -> None:
    ledger, function = "sluice-dev-ledger", "sluice-dev-provenance"
    assert {key: described(alarm) for key, alarm in given.alarms("ingest").items()} == hops("sluice-dev-ingest") | {
        "quarantined": "Sluice Quarantined sluice-dev-ingest Sum GreaterThanThreshold 0",
        "unreadable": "Sluice Unreadable sluice-dev-ingest Sum GreaterThanThreshold 0",
    }
    # The receipt state `gone` has no alarm.
    assert {key: described(alarm) for key, alarm in given.alarms("provenance").items()} == hops(function) | {
        "ledger-throttles": f"AWS/Lambda Throttles {ledger} Sum GreaterThanThreshold 0",
        "ledger-errors": f"AWS/Lambda Errors {ledger} Sum GreaterThanThreshold 0",
        "ledger-not-started": f"AWS/Events FailedInvocations {ledger} Sum GreaterThanThreshold 0",
        "no-manifest": f"Sluice Manifests {ledger} Sum LessThanThreshold 1",
        "deferred": f"Sluice Deferred {function} Sum GreaterThanThreshold 0",
    }


def test_only_missing_manifests_are_breaching(given: Plan) -> None:
    every = {f"{system} {key}": alarm for system in CONSUMERS for key, alarm in given.alarms(system).items()}
    silent = every.pop("provenance no-manifest")
    assert (silent["period"] * silent["evaluation_periods"], silent["treat_missing_data"]) == (3 * 3600, "breaching")
    assert {(alarm["period"], alarm["treat_missing_data"]) for alarm in every.values()} == {(300, "notBreaching")}
    assert len(given.all("", "aws_cloudwatch_metric_alarm")) == len(every) + 1 + 2  # the failure rates
    for alarm in given.all("", "aws_cloudwatch_metric_alarm").values():
        assert alarm["alarm_actions"] == [f"arn:aws:sns:eu-central-1:{ACCOUNT}:sluice-dev-alarms"]
        assert alarm["alarm_name"].startswith(("sluice-dev-ingest-", "sluice-dev-provenance-"))


@pytest.mark.parametrize("system", CONSUMERS)
def test_failures_alarm_by_rate(given: Plan, system: str) -> None:
    alarm = given.one(f'module.{system}[0].module.consumer.module.alarms.aws_cloudwatch_metric_alarm.error_rate["errors"]')
    metrics = {query["id"]: query["metric"][0] if query["metric"] else query["expression"] for query in alarm["metric_query"]}
    assert metrics.pop("rate") == "IF(runs > 0, 100 * errors / runs, 0)"
    assert {
        name: (metric["namespace"], metric["metric_name"], metric["dimensions"], metric["stat"])
        for name, metric in metrics.items()
    } == {
        "errors": ("AWS/Lambda", "Errors", {"FunctionName": f"sluice-dev-{system}"}, "Sum"),
        "runs": ("AWS/Lambda", "Invocations", {"FunctionName": f"sluice-dev-{system}"}, "Sum"),
    }
    assert [query["id"] for query in alarm["metric_query"] if query["return_data"]] == ["rate"]
    assert (alarm["threshold"], alarm["comparison_operator"]) == (5, "GreaterThanThreshold")
    assert alarm["treat_missing_data"] == "notBreaching"


def test_names_are_kept_and_used(other: Plan, shared: Plan) -> None:
    queues = other.all("", "aws_sqs_queue").values()
    assert sorted(queue["name"] for queue in queues) == ["files", "files-dead-letters", "files-event-dead-letters"]

    def senders(plan: Plan, system: str) -> list[str]:
        policy = plan.one(f"module.{system}[0].module.consumer.module.queue.aws_sqs_queue.this")["policy"]
        allowed = [one for one in json.loads(policy)["Statement"] if one["Effect"] == "Allow"]
        return [one["Condition"]["ArnEquals"]["aws:SourceArn"].rpartition("/")[2] for one in allowed]

    assert senders(other, "ingest") == ["my.rule"]
    assert senders(shared, "provenance") == ["my.rule", "my.rule-ingest", "my.rule-quarantine"]
    alarms = shared.alarms("provenance")
    assert alarms["failed-invocations-ingest"]["dimensions"] == {"RuleName": "my.rule-ingest"}
    assert alarms["events-lost-quarantine"]["dimensions"] == {"RuleName": "my.rule-quarantine"}
    # The least age is 15 minutes; batches above ten need a window.
    assert other.alarms("ingest")["oldest-message"]["threshold"] == 900
    for plan, system in ((other, "ingest"), (shared, "provenance")):
        mapping = plan.one(f"module.{system}[0].module.consumer.aws_lambda_event_source_mapping.this")
        assert (mapping["batch_size"], mapping["maximum_batching_window_in_seconds"]) == (11, 1)


def test_allow_destroy_removes_all_protection(shown: dict) -> None:
    plan = Plan(shown, "destroyed")
    assert all(bucket["force_destroy"] for bucket in plan.all("", "aws_s3_bucket").values())
    assert not plan.one("module.ingest[0].aws_dynamodb_table.this")["deletion_protection_enabled"]
