"""The role of the Lambda has what its effects need and nothing to spare: each statement is taken away once.

Also what the emulator does not enforce, asked of SimulatePrincipalPolicy, and the people beside the Lambda.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from .. import facts
from ..deployment import Deployment
from ..inbox import Inbox
from ..run import Played, announce, drained, event, upload
from ..scenario import music
from .waiting import eventually, log_since, now_ms, restart_function, take_dead_letters

POLICY = "effects"

# What cannot end without the statement. `again`: the event of a file that was refused before, delivered once more.
NEEDED_BY = {
    "FindVersion": {"good", "bad"},
    "ReadVersion": {"good", "bad"},
    "ReadSchema": {"good", "bad", "again"},
    "StoreItem": {"good"},
    "SeeQuarantine": {"good", "bad", "again"},
    "ReadQuarantine": {"bad", "again"},
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
    """The queue gives up after two quick tries; afterwards it is as Terraform made it."""
    sqs, url = deployment.client("sqs"), deployment.ingest.queue_url
    names = ["VisibilityTimeout", "RedrivePolicy"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    quick = json.loads(before["RedrivePolicy"]) | {"maxReceiveCount": 2}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1", "RedrivePolicy": json.dumps(quick)})
    yield
    sqs.set_queue_attributes(QueueUrl=url, Attributes=before)


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
def test_without(sid: str, deployment: Deployment, inbox: Inbox, impatient: None, whole_role: dict, played: Played) -> None:
    """003.18, 003.19: without it the effect is denied, the message becomes a dead letter, and nothing is lost by it.

    Nothing is quarantined that would not have been, and with the statement back the same dead letters end as they
    should have at first.
    """
    refused = played.arrival("broken JSON")
    name = f"without-{sid}-{uuid.uuid4().hex[:8]}"
    item = ("Probe", f"TRACK#{name}")
    keys = {"good": f"{name}/good.json", "bad": f"{name}/bad.json", "again": refused.step.key}
    before = facts.quarantine_keys(deployment)
    started = now_ms()

    put(deployment, whole_role | {"Statement": [one for one in whole_role["Statement"] if one["Sid"] != sid]})
    restart_function(deployment)
    versions = {
        "good": upload(deployment, keys["good"], music(*item)),
        "bad": upload(deployment, keys["bad"], b"{"),
        "again": refused.version_id,
    }
    announce(deployment, event(deployment, refused.step.key, refused.version_id, len(refused.step.body)))

    dead: dict[str, str] = {}

    def all_settled() -> bool:
        dead.update(take_dead_letters(deployment))
        ended = facts.ends(facts.log_lines(deployment, started))
        return all(keys[which] in dead or versions[which] in ended for which in keys)

    eventually(all_settled, f"three files to end or to become dead letters without {sid}")
    log = log_since(deployment, started)
    assert {which for which in keys if keys[which] in dead} == NEEDED_BY[sid], log
    assert "AccessDenied" in log or "AuthorizationError" in log, log
    assert (facts.item(deployment, item) is None) == ("good" in NEEDED_BY[sid]), log
    place = f"{keys['bad']}/{versions['bad']}"
    assert facts.quarantine_keys(deployment) - before <= {place, f"{place}.reason.json"}, log

    put(deployment, whole_role)
    for body in dead.values():
        deployment.client("sqs").send_message(QueueUrl=deployment.ingest.queue_url, MessageBody=body)
    eventually(lambda: facts.item(deployment, item) is not None, "the good file's item")
    eventually(lambda: facts.quarantined(deployment, keys["bad"], versions["bad"]) is not None, "the bad file in quarantine")
    eventually(lambda: not facts.version_exists(deployment, keys["bad"], versions["bad"]), "the bad file to be moved")
    eventually(lambda: any(notice.version_id == versions["bad"] for notice in inbox.read()), "the notice")
    eventually(lambda: drained(deployment), "an empty queue")
    assert facts.quarantined(deployment, keys["good"], versions["good"]) is None
    assert facts.depth(deployment, deployment.ingest.dead_letters_url) == 0


# What the emulator lets pass without permission, and AWS would not.
SIMULATED = [
    ("sqs:ReceiveMessage", "queue"),
    ("sqs:DeleteMessage", "queue"),
    ("sqs:GetQueueAttributes", "queue"),
    ("logs:CreateLogStream", "log"),
    ("logs:PutLogEvents", "log"),
    ("kms:GenerateDataKey", "key"),
    ("kms:Decrypt", "key"),
]


def simulate(deployment: Deployment, action: str, resource: str, context: list[dict] | None = None) -> str:
    answer = deployment.client("iam").simulate_principal_policy(
        PolicySourceArn=deployment.ingest.role_arn,
        ActionNames=[action],
        ResourceArns=[resource],
        ContextEntries=context or [],
    )
    return answer["EvaluationResults"][0]["EvalDecision"]


def resources(deployment: Deployment) -> dict[str, str]:
    topic = deployment.client("sns").get_topic_attributes(TopicArn=deployment.ingest.topic_arn)["Attributes"]
    place = f"{deployment.emulator.region}:{deployment.emulator.account}"
    return {
        "queue": deployment.ingest.queue_arn,
        "log": f"arn:aws:logs:{place}:log-group:{deployment.ingest.log_group}:log-stream:one",
        "key": topic["KmsMasterKeyId"],
    }


def through_sns(deployment: Deployment) -> list[dict]:
    """What SNS's use of the deployment's key brings into the request."""
    service = f"sns.{deployment.emulator.region}.amazonaws.com"
    alias = f"alias/sluice-{deployment.stack.name}"
    return [
        {"ContextKeyName": "kms:ViaService", "ContextKeyValues": [service], "ContextKeyType": "string"},
        {"ContextKeyName": "kms:ResourceAliases", "ContextKeyValues": [alias], "ContextKeyType": "stringList"},
    ]


@pytest.mark.parametrize(("action", "kind"), SIMULATED)
def test_what_is_not_enforced_here_is_granted(action: str, kind: str, deployment: Deployment) -> None:
    """003.18: the event-source mapping, the log and the topic's key, which the emulator does not ask about."""
    context = through_sns(deployment) if kind == "key" else []
    assert simulate(deployment, action, resources(deployment)[kind], context) == "allowed"


@pytest.mark.parametrize(
    "action", ["s3:DeleteObject", "s3:DeleteBucket", "dynamodb:DeleteItem", "dynamodb:Scan", "sqs:SendMessage", "iam:PassRole"]
)
def test_nothing_to_spare(action: str, deployment: Deployment) -> None:
    """003.19: what the Lambda never does it may not do, on its own resources or on any."""
    for resource in (f"arn:aws:s3:::{deployment.ingest.processing}/x", deployment.ingest.queue_arn, "*"):
        assert simulate(deployment, action, resource) == "implicitDeny"


def test_the_key_only_through_sns(deployment: Deployment) -> None:
    """The topic's key is of no use to the role by itself."""
    assert simulate(deployment, "kms:Decrypt", resources(deployment)["key"]) == "implicitDeny"


def denied(call, **arguments: object) -> None:
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
    for user, role in (("uploader", deployment.ingest.operator_role_arn), ("operator", deployment.ingest.uploader_role_arn)):
        denied(deployment.client("sts", user).assume_role, RoleArn=role, RoleSessionName="other")


def test_the_buckets_demand_tls(deployment: Deployment) -> None:
    """003.3: both bucket policies deny what comes without TLS, and nothing else stands in them."""
    for bucket in (deployment.ingest.processing, deployment.ingest.quarantine):
        policy = json.loads(deployment.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])
        assert [statement["Effect"] for statement in policy["Statement"]] == ["Deny"]
        assert policy["Statement"][0]["Condition"]["Bool"] == {"aws:SecureTransport": "false"}
