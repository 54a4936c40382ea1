"""The role of the Lambda has what its effects need and nothing to spare: each statement is taken away once.

Also what the emulator does not enforce, asked of SimulatePrincipalPolicy, and the people beside the Lambda.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import ClientError

from .. import facts
from ..deployment import Deployment
from ..inbox import Inbox
from ..run import Played, announce, drained, event, upload
from ..scenario import music
from .waiting import eventually, log_since, now_ms, restart_function, take_dead_letters

POLICY = "effects"

# What cannot end without the statement, of four probes: `good` would be stored, `unnamed` too but its event names no
# version, `bad` would be refused, and `again` was refused before and is delivered once more.
NEEDED_BY = {
    "FindVersion": {"unnamed"},
    "ReadVersion": {"good", "unnamed", "bad"},
    "ReadSchema": {"good", "unnamed", "bad", "again"},
    "StoreItem": {"good", "unnamed"},
    "FindItem": {"bad"},
    "SeeQuarantine": {"bad"},  # on AWS all but `again`: see `missing-key-status` in deviations.md
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
def impatient(deployment: Deployment, played: Played) -> Iterator[None]:
    """The queue gives up after two quick tries and only the test announces; afterwards all is as Terraform made it."""
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
def whole_role(deployment: Deployment) -> Iterator[dict]:
    """The role's policy; put back after the test, whatever happens."""
    document = statements(deployment)
    yield document
    put(deployment, document)


def test_every_data_statement_is_taken_away_once(deployment: Deployment) -> None:
    """A new statement on S3, DynamoDB or SNS needs its line in NEEDED_BY."""
    of_data = set()
    for statement in statements(deployment)["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if any(action.split(":")[0] in ("s3", "dynamodb", "sns") for action in actions):
            of_data.add(statement["Sid"])
    assert of_data == set(NEEDED_BY)


@pytest.mark.parametrize("sid", sorted(NEEDED_BY))
def test_without(
    sid: str, deployment: Deployment, inbox: Inbox, impatient: None, whole_role: dict, played: Played
) -> None:
    """003.18, 003.19: without it the effect is denied, the message becomes a dead letter, and nothing is lost by it.

    Nothing is quarantined that would not have been, and with the statement back the same dead letters end as they
    should have at first.
    """
    refused = played.arrival("broken JSON")
    name = f"without-{sid}-{uuid.uuid4().hex[:8]}"
    items = {which: ("Probe", f"TRACK#{name}-{which}") for which in ("good", "unnamed")}
    odd = music("Probe", f"TRACK#{name}-bad", Label={"S": "x"})
    bodies = {which: music(*item) for which, item in items.items()} | {"bad": odd, "again": refused.step.body}
    keys = {which: f"{name}/{which}.json" for which in bodies} | {"again": refused.step.key}
    versions = {which: upload(deployment, keys[which], bodies[which]) for which in ("good", "unnamed", "bad")}
    versions["again"] = refused.version_id
    before = facts.quarantine_keys(deployment)
    started = now_ms()

    put(deployment, whole_role | {"Statement": [one for one in whole_role["Statement"] if one["Sid"] != sid]})
    restart_function(deployment)
    for which, body in bodies.items():
        version = None if which == "unnamed" else versions[which]
        announce(deployment, event(deployment, keys[which], version, len(body)))

    dead: dict[str, str] = {}

    def all_settled() -> bool:
        dead.update(take_dead_letters(deployment))
        ended = facts.ends(facts.log_lines(deployment, started))
        return all(keys[which] in dead or versions[which] in ended for which in keys)

    eventually(all_settled, f"four files to end or to become dead letters without {sid}")
    log = log_since(deployment, started)
    assert {which for which in keys if keys[which] in dead} == NEEDED_BY[sid], log
    assert "AccessDenied" in log or "AuthorizationError" in log, log
    assert {which for which, item in items.items() if facts.item(deployment, item) is None} == NEEDED_BY[sid] & set(
        items
    ), log
    place = f"{keys['bad']}/{versions['bad']}"
    assert facts.quarantine_keys(deployment) - before <= {place, f"{place}.reason.json"}, log

    put(deployment, whole_role)
    for message in dead.values():
        deployment.client("sqs").send_message(QueueUrl=deployment.ingest.queue_url, MessageBody=message)
    eventually(lambda: all(facts.item(deployment, item) for item in items.values()), "the good files' items")
    eventually(
        lambda: facts.quarantined(deployment, keys["bad"], versions["bad"]) is not None, "the bad file in quarantine"
    )
    eventually(lambda: not facts.version_exists(deployment, keys["bad"], versions["bad"]), "the bad file to be moved")
    eventually(lambda: any(notice.version_id == versions["bad"] for notice in inbox.read()), "the notice")
    eventually(lambda: drained(deployment), "an empty queue")
    assert not any(facts.quarantined(deployment, keys[which], versions[which]) for which in items)
    assert facts.depth(deployment, deployment.ingest.dead_letters_url) == 0


# What the emulator lets pass without permission, and AWS would not.
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
def test_what_is_not_enforced_here_is_granted(action: str, kind: str, deployment: Deployment) -> None:
    """The event-source mapping and the log, which the emulator does not ask about."""
    place = f"{deployment.emulator.region}:{deployment.emulator.account}"
    log = f"arn:aws:logs:{place}:log-group:{deployment.ingest.log_group}:log-stream:one"
    resource = {"queue": deployment.ingest.queue_arn, "log": log}[kind]
    assert simulate(deployment, action, resource) == "allowed"


@pytest.mark.parametrize(
    "action",
    ["s3:DeleteObject", "s3:DeleteBucket", "dynamodb:DeleteItem", "dynamodb:Scan", "sqs:SendMessage", "iam:PassRole"],
)
def test_nothing_to_spare(action: str, deployment: Deployment) -> None:
    """003.19: what the Lambda never does it may not do, on its own resources or on any."""
    for resource in (f"arn:aws:s3:::{deployment.ingest.processing}/x", deployment.ingest.queue_arn, "*"):
        assert simulate(deployment, action, resource) == "implicitDeny"


def test_the_topics_key_only_through_sns(deployment: Deployment) -> None:
    """003.18: SNS uses the topic's key in the name of who publishes; by itself it is of no use to the role."""
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
    """003.22: the role can put files, and can neither delete, nor read items, nor touch the project's own files."""
    s3 = deployment.client("s3", "uploader-role")
    processing, quarantine = deployment.ingest.processing, deployment.ingest.quarantine
    denied(s3.put_object, Bucket=processing, Key="_sluice/schema/evil.json", Body=b"{}")
    denied(s3.delete_object, Bucket=processing, Key="4evr.json")
    denied(s3.list_objects_v2, Bucket=quarantine)
    denied(s3.put_object, Bucket=quarantine, Key="x", Body=b"")
    denied(deployment.client("dynamodb", "uploader-role").scan, TableName=deployment.ingest.table)


def test_a_user_has_nothing_but_its_role(deployment: Deployment) -> None:
    """003.22: the user itself may only assume its own role."""
    denied(deployment.client("s3", "uploader").put_object, Bucket=deployment.ingest.processing, Key="x.json", Body=b"")
    for user, role in (
        ("uploader", deployment.ingest.operator_role_arn),
        ("operator", deployment.ingest.uploader_role_arn),
    ):
        denied(deployment.client("sts", user).assume_role, RoleArn=role, RoleSessionName="other")


def test_the_buckets_demand_tls(deployment: Deployment) -> None:
    """003.3: both bucket policies deny what comes without TLS, and nothing else stands in them."""
    for bucket in (deployment.ingest.processing, deployment.ingest.quarantine):
        policy = json.loads(deployment.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])
        assert [statement["Effect"] for statement in policy["Statement"]] == ["Deny"]
        assert policy["Statement"][0]["Condition"]["Bool"] == {"aws:SecureTransport": "false"}
