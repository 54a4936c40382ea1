"""The uploader's and the operator's role hold what the tool calls and nothing to spare: each action is taken away once.

With the action gone, a command has to fail and say that the role may not; with it back, the same command works.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator

import pytest

from ..deployment import Deployment
from ..ingest_events import object_created, upload
from ..scenario import FOREVER, music
from ..sluice import Sluice
from . import role_policies
from .ingest_steps import send_dead_letter, unique_name, upload_conflict, upload_invalid
from .upload_steps import interrupt_upload, pending_uploads

POLICIES = {"uploader": "upload", "operator": "operate"}


def role_arn(deployment: Deployment, who: str) -> str:
    names = deployment.ingest
    return names.uploader_role_arn if who == "uploader" else names.operator_role_arn


def statements(deployment: Deployment, who: str) -> list[dict]:
    return role_policies.statements(deployment, role_arn(deployment, who), POLICIES[who])


def write(deployment: Deployment, who: str, found: list[dict]) -> None:
    role_policies.write(deployment, role_arn(deployment, who), POLICIES[who], found)


@pytest.fixture
def whole(deployment: Deployment) -> Iterator[dict[str, list[dict]]]:
    """Both policies; put back after the test, whatever happens."""
    found = {who: statements(deployment, who) for who in POLICIES}
    yield found
    for who, policy in found.items():
        write(deployment, who, policy)


# What a command needs prepared; it returns the arguments.
def new_file(sluice: Sluice, deployment: Deployment) -> list[str]:
    name = unique_name()
    return ["upload", str(sluice.write(f"{name}.json", music(name, "TRACK#1")))]


def same_file(sluice: Sluice, deployment: Deployment) -> list[str]:
    arguments = new_file(sluice, deployment)
    sluice.run(*arguments, user="uploader")
    return arguments


def refused_key(sluice: Sluice, deployment: Deployment) -> str:
    key = f"{unique_name()}.json"
    upload_invalid(deployment, key, b"{")
    return key


def listing(sluice: Sluice, deployment: Deployment) -> list[str]:
    return ["quarantine", "list"]


def showing(sluice: Sluice, deployment: Deployment) -> list[str]:
    return ["quarantine", "show", refused_key(sluice, deployment)]


def removing(sluice: Sluice, deployment: Deployment) -> list[str]:
    return ["quarantine", "remove", refused_key(sluice, deployment), "--yes"]


def releasing(sluice: Sluice, deployment: Deployment) -> list[str]:
    return ["quarantine", "release", upload_conflict(deployment, unique_name())[0]]


def letter(sluice: Sluice, deployment: Deployment) -> None:
    body = json.dumps(object_created(deployment, f"{unique_name()}.json", str(uuid.uuid4()), 1))
    send_dead_letter(deployment, deployment.ingest.dead_letters_url, body)


def looking(sluice: Sluice, deployment: Deployment) -> list[str]:
    letter(sluice, deployment)
    return ["redrive", "--queue", "messages"]


def redriving(sluice: Sluice, deployment: Deployment) -> list[str]:
    return [*looking(sluice, deployment), "--yes"]


def status(sluice: Sluice, deployment: Deployment) -> list[str]:
    deployment.client("sqs").purge_queue(QueueUrl=deployment.ingest.dead_letters_url)
    return ["status"]


def backfilling(sluice: Sluice, deployment: Deployment) -> list[str]:
    return ["backfill", "--prefix", unique_name()]


def reconciling(sluice: Sluice, deployment: Deployment) -> list[str]:
    name = unique_name()
    upload(deployment, f"{name}.json", FOREVER)
    return ["reconcile", "--prefix", name]


# A command that fails without the action.
NEEDED_BY: dict[tuple[str, str, str], Callable[[Sluice, Deployment], list[str]]] = {
    ("uploader", "Upload", "s3:PutObject"): new_file,
    ("uploader", "CompareUploaded", "s3:GetObject"): same_file,
    ("operator", "ListQuarantine", "s3:ListBucket"): listing,
    ("operator", "ListQuarantine", "s3:ListBucketVersions"): removing,
    ("operator", "ReadQuarantine", "s3:GetObject"): showing,
    ("operator", "RemoveFromQuarantine", "s3:DeleteObjectVersion"): removing,
    ("operator", "ReleaseToProcessing", "s3:PutObject"): releasing,
    ("operator", "ReadProcessing", "s3:GetObject"): releasing,
    ("operator", "ReadProcessing", "s3:GetObjectVersion"): releasing,
    ("operator", "ListProcessing", "s3:ListBucketVersions"): backfilling,
    ("operator", "TakeDeadLetters", "sqs:ReceiveMessage"): looking,
    ("operator", "TakeDeadLetters", "sqs:ChangeMessageVisibility"): looking,
    ("operator", "TakeDeadLetters", "sqs:DeleteMessage"): redriving,
    ("operator", "TakeDeadLetters", "sqs:GetQueueAttributes"): status,
    ("operator", "AnnounceAgain", "sqs:SendMessage"): redriving,
    ("operator", "AnnounceAgain", "sqs:GetQueueAttributes"): status,
    ("operator", "ReadItems", "dynamodb:GetItem"): reconciling,
    ("operator", "RecordOperation", "s3:PutObject"): removing,
}
# Gives up parts after Ctrl-C: what is left behind shows that it could not.
GIVE_UP = ("uploader", "GiveUpParts", "s3:AbortMultipartUpload")
# What the emulator does not enforce. Without ListBucket, S3 answers 403 for what is not there.
UNENFORCED: dict[tuple[str, str, str], Callable[[Sluice, Deployment], list[str]]] = {
    ("uploader", "SeeUploaded", "s3:ListBucket"): new_file,
    ("operator", "ListProcessing", "s3:ListBucket"): releasing,
    ("operator", "SeeMetrics", "cloudwatch:GetMetricData"): status,
}
# A bucket encrypts in the name of nobody here (`key-use-by-services`): the text of the statement is the proof.
BY_TEXT = {("operator", "RecordEncrypted", "kms:GenerateDataKey")}


def test_every_action_is_taken_away_once(deployment: Deployment) -> None:
    """003.22, 003.24: an action that no command needs has no line here, and fails this test."""
    found = {(who, *one) for who in POLICIES for one in role_policies.allowed(statements(deployment, who))}
    assert found == set(NEEDED_BY) | {GIVE_UP} | set(UNENFORCED) | BY_TEXT


@pytest.mark.parametrize(("who", "sid", "action"), sorted(NEEDED_BY))
def test_without(who: str, sid: str, action: str, sluice: Sluice, deployment: Deployment, whole: dict) -> None:
    """003.22: the command that needs the action fails, says why, and works once it is back."""
    arguments = NEEDED_BY[who, sid, action](sluice, deployment)
    write(deployment, who, role_policies.without(whole[who], sid, action))
    completed = sluice(*arguments, user=who)
    told = completed.out + completed.err
    assert completed.code in (1, 2), told
    assert "the role may not" in told or "cannot be written: apply the current" in told, told
    write(deployment, who, whole[who])
    deployment.client("sqs").purge_queue(QueueUrl=deployment.ingest.dead_letters_url)
    if arguments[0] == "redrive":
        letter(sluice, deployment)
    sluice.run(*arguments, user=who)


def test_without_giving_up(sluice: Sluice, deployment: Deployment, whole: dict) -> None:
    """Without the action, Ctrl-C leaves the parts behind and says that it could not drop them."""
    who, sid, action = GIVE_UP
    write(deployment, who, role_policies.without(whole[who], sid, action))
    key = f"{unique_name()}.json"
    code, told = interrupt_upload(sluice, deployment, key)
    assert code == 1 and "the role may not" in told
    [left] = pending_uploads(deployment, key)
    deployment.client("s3").abort_multipart_upload(Bucket=deployment.ingest.processing, Key=key, UploadId=left)


@pytest.mark.parametrize(("who", "sid", "action"), sorted(UNENFORCED))
def test_what_is_not_enforced_here_is_granted(
    who: str, sid: str, action: str, sluice: Sluice, deployment: Deployment, whole: dict
) -> None:
    """SimulatePrincipalPolicy knows whether it is there; an emulator that begins to enforce it fails this test."""
    arn = role_arn(deployment, who)
    resource = "*" if sid == "SeeMetrics" else f"arn:aws:s3:::{deployment.ingest.processing}"

    def decision() -> str:
        answer = deployment.client("iam").simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource]
        )
        return answer["EvaluationResults"][0]["EvalDecision"]

    arguments = UNENFORCED[who, sid, action](sluice, deployment)
    assert decision() == "allowed"
    write(deployment, who, role_policies.without(whole[who], sid, action))
    assert decision() == "implicitDeny"
    sluice.run(*arguments, user=who)
