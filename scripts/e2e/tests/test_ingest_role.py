"""The role of the ingest's function has exactly the permissions that its effects need: each statement is removed once.

Permissions that the emulator does not enforce are checked with SimulatePrincipalPolicy. The roles of people are checked
too.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import ClientError

from .. import readback
from ..deployment import Deployment
from ..inbox import Inbox
from ..ingest_events import object_created, queue_is_empty, send_event, upload
from ..scenario import music
from ..scenario_checks import Arrival
from ..scenario_run import Played
from . import role_policies
from .ingest_steps import copy_and_reason, log_since, receive_dead_letters, restart_function
from .polling import eventually, now_ms

POLICY = "effects"

# Which of four files has no outcome without the statement: `good` would be stored; `unnamed` too, but its event has no
# version-id; `bad` would be quarantined; `again` has been quarantined and its event is redelivered.
NEEDED_BY = {
    "FindVersion": {"unnamed"},
    "ReadVersion": {"good", "unnamed", "bad"},
    "ReadSchema": {"good", "unnamed", "bad", "again"},
    "StoreItem": {"good", "unnamed"},
    "FindItem": {"bad"},
    "SeeQuarantine": {"bad"},  # on AWS all except `again`: see `missing-key-status` in deviations.md
    "ReadQuarantine": {"good", "unnamed", "bad", "again"},
    "MoveToQuarantineWrite": {"bad"},
    "MoveToQuarantineDelete": {"bad", "again"},
    "Notify": {"bad", "again"},
}


def statements(deployment: Deployment) -> dict:
    answer = deployment.client("iam").get_role_policy(RoleName=deployment.ingest.role, PolicyName=POLICY)
    return answer["PolicyDocument"]


def put(deployment: Deployment, document: dict) -> None:
    deployment.client("iam").put_role_policy(
        RoleName=deployment.ingest.role, PolicyName=POLICY, PolicyDocument=json.dumps(document)
    )


@pytest.fixture(scope="module")
def quick_dead_letters(deployment: Deployment, played: Played) -> Iterator[None]:
    """Messages become dead letters after two quick deliveries, and only the test sends events."""
    sqs, url = deployment.client("sqs"), deployment.ingest.queue_url
    names = ["VisibilityTimeout", "RedrivePolicy"]
    deployment.client("events").disable_rule(Name=deployment.ingest.rule)
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    quick = json.loads(before["RedrivePolicy"]) | {"maxReceiveCount": 2}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1", "RedrivePolicy": json.dumps(quick)})
    yield
    sqs.set_queue_attributes(QueueUrl=url, Attributes=before)
    deployment.client("events").enable_rule(Name=deployment.ingest.rule)


@pytest.fixture
def role_policy(deployment: Deployment) -> Iterator[dict]:
    """The role's policy, which is restored after the test."""
    document = statements(deployment)
    yield document
    put(deployment, document)


def test_every_data_statement_is_tried(deployment: Deployment) -> None:
    """A new statement on S3, DynamoDB or SNS needs its line in NEEDED_BY."""
    data_statements = set()
    for statement in statements(deployment)["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if any(action.split(":")[0] in ("s3", "dynamodb", "sns") for action in actions):
            data_statements.add(statement["Sid"])
    assert data_statements == set(NEEDED_BY)


def test_the_function_has_no_other_policy(deployment: Deployment) -> None:
    """Its buckets are not encrypted with the KMS key: see `test_other_settings.py` for one whose buckets are."""
    assert set(role_policies.all_statements(deployment, deployment.ingest.role_arn)) == {POLICY, "logs"}


class Probes:
    """Four files whose events are sent with and without a statement; see NEEDED_BY."""

    def __init__(self, deployment: Deployment, sid: str, quarantined: Arrival) -> None:
        name = f"without-{sid}-{uuid.uuid4().hex[:8]}"
        self._deployment = deployment
        self.items = {which: ("Probe", f"TRACK#{name}-{which}") for which in ("good", "unnamed")}
        invalid = music("Probe", f"TRACK#{name}-bad", Label={"S": "x"})
        bodies = {which: music(*item) for which, item in self.items.items()} | {"bad": invalid}
        self.keys = {which: f"{name}/{which}.json" for which in bodies} | {"again": quarantined.step.key}
        self.versions = {which: upload(deployment, self.keys[which], bodies[which]) for which in bodies}
        self.versions["again"] = quarantined.version_id
        self._bodies = bodies | {"again": quarantined.step.body}

    def send_events(self) -> None:
        for which, body in self._bodies.items():
            version = None if which == "unnamed" else self.versions[which]
            send_event(self._deployment, object_created(self._deployment, self.keys[which], version, len(body)))

    def without_item(self) -> set[str]:
        return {which for which, item in self.items.items() if readback.item(self._deployment, item) is None}

    def wait_for_outcomes(self, inbox: Inbox) -> None:
        deployment, key, version = self._deployment, self.keys["bad"], self.versions["bad"]
        eventually(lambda: not self.without_item(), "items of the valid files")
        eventually(lambda: readback.quarantined(deployment, key, version) is not None, "invalid file in quarantine")
        eventually(lambda: not readback.version_exists(deployment, key, version), "deletion of the invalid file")
        eventually(lambda: any(notice.version_id == version for notice in inbox.read()), "notice")
        eventually(lambda: queue_is_empty(deployment), "empty queue")


@pytest.mark.parametrize("sid", sorted(NEEDED_BY))
def test_without_statement(
    sid: str, deployment: Deployment, inbox: Inbox, quick_dead_letters: None, role_policy: dict, played: Played
) -> None:
    """Without the statement, the effect is denied, and the message becomes a dead letter.

    No other file is quarantined. Once the statement is restored and the dead letters are sent again, each file has the
    outcome that it would have had at first.
    """
    probes = Probes(deployment, sid, played.arrival("broken JSON"))
    keys, versions = probes.keys, probes.versions
    before = readback.quarantine_keys(deployment)
    started = now_ms()
    put(deployment, role_policy | {"Statement": [one for one in role_policy["Statement"] if one["Sid"] != sid]})
    restart_function(deployment, deployment.ingest.function)
    probes.send_events()
    dead: dict[str, str] = {}

    def all_finished() -> bool:
        dead.update(receive_dead_letters(deployment))
        outcomes = readback.outcomes(readback.log_lines(deployment, started))
        return all(keys[which] in dead or versions[which] in outcomes for which in keys)

    eventually(all_finished, f"outcome or dead letter of four files without {sid}")
    log = log_since(deployment, started)
    assert {which for which in keys if keys[which] in dead} == NEEDED_BY[sid], log
    assert "AccessDenied" in log or "AuthorizationError" in log, log
    assert probes.without_item() == NEEDED_BY[sid] & set(probes.items), log
    assert readback.quarantine_keys(deployment) - before <= copy_and_reason(keys["bad"], versions["bad"]), log

    put(deployment, role_policy)
    for message in dead.values():
        deployment.client("sqs").send_message(QueueUrl=deployment.ingest.queue_url, MessageBody=message)
    probes.wait_for_outcomes(inbox)
    assert not any(readback.quarantined(deployment, keys[which], versions[which]) for which in probes.items)
    assert readback.depth(deployment, deployment.ingest.dead_letters_url) == 0


# Actions that the emulator allows without permission, unlike AWS.
SIMULATED = [
    ("sqs:ReceiveMessage", "queue"),
    ("sqs:DeleteMessage", "queue"),
    ("sqs:GetQueueAttributes", "queue"),
    ("logs:CreateLogStream", "log"),
    ("logs:PutLogEvents", "log"),
]


def simulate(deployment: Deployment, action: str, resource: str) -> str:
    answer = deployment.client("iam").simulate_principal_policy(
        PolicySourceArn=deployment.ingest.role_arn, ActionNames=[action], ResourceArns=[resource]
    )
    return answer["EvaluationResults"][0]["EvalDecision"]


@pytest.mark.parametrize(("action", "kind"), SIMULATED)
def test_permissions_that_the_emulator_does_not_enforce_are_granted(
    action: str, kind: str, deployment: Deployment
) -> None:
    """The event-source mapping and the log."""
    region, account = deployment.emulator.region, deployment.emulator.account
    log = f"arn:aws:logs:{region}:{account}:log-group:{deployment.ingest.log_group}:log-stream:one"
    resource = {"queue": deployment.ingest.queue_arn, "log": log}[kind]
    assert simulate(deployment, action, resource) == "allowed"


@pytest.mark.parametrize(
    "action",
    ["s3:DeleteObject", "s3:DeleteBucket", "dynamodb:DeleteItem", "dynamodb:Scan", "sqs:SendMessage", "iam:PassRole"],
)
def test_other_actions_are_denied(action: str, deployment: Deployment) -> None:
    """The role has no permission for actions that the function never calls, on its own resources or on any."""
    for resource in (f"arn:aws:s3:::{deployment.ingest.processing}/x", deployment.ingest.queue_arn, "*"):
        assert simulate(deployment, action, resource) == "implicitDeny"


def test_the_topics_key_can_only_be_used_through_sns(deployment: Deployment) -> None:
    """SNS uses the topic's key with the publisher's permissions; the role cannot use it directly."""
    topic = deployment.client("sns").get_topic_attributes(TopicArn=deployment.ingest.topic_arn)["Attributes"]
    assert simulate(deployment, "kms:Decrypt", topic["KmsMasterKeyId"]) == "implicitDeny"
    found = [one for one in statements(deployment)["Statement"] if one["Sid"] == "UseTopicKey"]
    assert [set(one["Action"]) for one in found] == [{"kms:Decrypt", "kms:GenerateDataKey"}]
    assert found[0]["Condition"] == {
        "StringEquals": {"kms:ViaService": [f"sns.{deployment.emulator.region}.amazonaws.com"]},
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": [f"alias/sluice-{deployment.stack.name}"]},
    }


def denied(call: Callable[..., object], **arguments: object) -> None:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_the_uploader_only_uploads(deployment: Deployment) -> None:
    """The role can put files; it cannot delete, read items, or write under the reserved prefix."""
    s3 = deployment.client("s3", "uploader-role")
    processing, quarantine = deployment.ingest.processing, deployment.ingest.quarantine
    denied(s3.put_object, Bucket=processing, Key="_sluice/schema/evil.json", Body=b"{}")
    denied(s3.delete_object, Bucket=processing, Key="4evr.json")
    denied(s3.list_objects_v2, Bucket=quarantine)
    denied(s3.put_object, Bucket=quarantine, Key="x", Body=b"")
    denied(deployment.client("dynamodb", "uploader-role").scan, TableName=deployment.ingest.table)


def test_a_user_can_only_assume_its_role(deployment: Deployment) -> None:
    """A user has no permission of its own except to assume its role."""
    denied(deployment.client("s3", "uploader").put_object, Bucket=deployment.ingest.processing, Key="x.json", Body=b"")
    for user, role in (
        ("uploader", deployment.ingest.operator_role_arn),
        ("operator", deployment.ingest.uploader_role_arn),
    ):
        denied(deployment.client("sts", user).assume_role, RoleArn=role, RoleSessionName="other")


def test_the_bucket_policies_require_tls(deployment: Deployment) -> None:
    """Both bucket policies deny requests without TLS, and have no other statement."""
    for bucket in (deployment.ingest.processing, deployment.ingest.quarantine):
        policy = json.loads(deployment.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])
        assert [statement["Effect"] for statement in policy["Statement"]] == ["Deny"]
        assert policy["Statement"][0]["Condition"]["Bool"] == {"aws:SecureTransport": "false"}
