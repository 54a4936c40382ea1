"""The uploader role and the operator role have exactly the permissions that `sluice` needs: each is removed once.

Without the permission, a command fails and reports that access is denied; once it is restored, the same command works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ..deployment import Deployment
from ..ingest_events import upload
from ..scenario import FOREVER, music
from ..sluice import Sluice
from . import role_policies
from .ingest_steps import dead_letter, send_dead_letter, unique_name, upload_conflict, upload_invalid
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
def policies(deployment: Deployment) -> Iterator[dict[str, list[dict]]]:
    """Both policies, which are restored after the test."""
    found = {who: statements(deployment, who) for who in POLICIES}
    yield found
    for who, policy in found.items():
        write(deployment, who, policy)


# Each of these prepares a command and returns its arguments.
def new_file(sluice: Sluice, deployment: Deployment) -> list[str]:
    name = unique_name()
    return ["upload", str(sluice.write(f"{name}.json", music(name, "TRACK#1")))]


def same_file(sluice: Sluice, deployment: Deployment) -> list[str]:
    arguments = new_file(sluice, deployment)
    sluice.run(*arguments, user="uploader")
    return arguments


def quarantined_key(sluice: Sluice, deployment: Deployment) -> str:
    key = f"{unique_name()}.json"
    upload_invalid(deployment, key, b"{")
    return key


def listing(sluice: Sluice, deployment: Deployment) -> list[str]:
    return ["quarantine", "list"]


def showing(sluice: Sluice, deployment: Deployment) -> list[str]:
    return ["quarantine", "show", quarantined_key(sluice, deployment)]


def removing(sluice: Sluice, deployment: Deployment) -> list[str]:
    return ["quarantine", "remove", quarantined_key(sluice, deployment), "--yes"]


def releasing(sluice: Sluice, deployment: Deployment) -> list[str]:
    return ["quarantine", "release", upload_conflict(deployment, unique_name())[0]]


def new_dead_letter(deployment: Deployment) -> None:
    _, body = dead_letter(deployment, f"{unique_name()}.json")
    send_dead_letter(deployment, deployment.ingest.dead_letters_url, body)


def listing_dead_letters(sluice: Sluice, deployment: Deployment) -> list[str]:
    new_dead_letter(deployment)
    return ["redrive", "--queue", "messages"]


def redriving(sluice: Sluice, deployment: Deployment) -> list[str]:
    return [*listing_dead_letters(sluice, deployment), "--yes"]


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
    ("operator", "TakeDeadLetters", "sqs:ReceiveMessage"): listing_dead_letters,
    ("operator", "TakeDeadLetters", "sqs:ChangeMessageVisibility"): listing_dead_letters,
    ("operator", "TakeDeadLetters", "sqs:DeleteMessage"): redriving,
    ("operator", "TakeDeadLetters", "sqs:GetQueueAttributes"): status,
    ("operator", "AnnounceAgain", "sqs:SendMessage"): redriving,
    ("operator", "AnnounceAgain", "sqs:GetQueueAttributes"): status,
    ("operator", "ReadItems", "dynamodb:GetItem"): reconciling,
    ("operator", "RecordOperation", "s3:PutObject"): removing,
}
# Needed to abort a multipart upload after Ctrl-C.
ABORT_UPLOAD = ("uploader", "GiveUpParts", "s3:AbortMultipartUpload")
# Permissions that the emulator does not enforce. Without ListBucket, S3 answers 403 for a missing key.
UNENFORCED: dict[tuple[str, str, str], Callable[[Sluice, Deployment], list[str]]] = {
    ("uploader", "SeeUploaded", "s3:ListBucket"): new_file,
    ("operator", "ListProcessing", "s3:ListBucket"): releasing,
    ("operator", "SeeMetrics", "cloudwatch:GetMetricData"): status,
}


def test_every_permission_is_tried_or_unenforced(deployment: Deployment) -> None:
    """A permission that no command needs has no line here, and fails this test."""
    found = {(who, *one) for who in POLICIES for one in role_policies.allowed(statements(deployment, who))}
    assert found == set(NEEDED_BY) | {ABORT_UPLOAD} | set(UNENFORCED)


@pytest.mark.parametrize(("who", "sids"), [("uploader", []), ("operator", ["WriteEncrypted"])])
def test_the_key_is_used_through_s3_only(who: str, sids: list[str], deployment: Deployment) -> None:
    """The buckets of the ingest are not encrypted with the key, but the operator's records are."""
    found = role_policies.all_statements(deployment, role_arn(deployment, who))
    key_statements = found.pop(role_policies.ENCRYPTED_BUCKETS, [])
    assert set(found) == {POLICIES[who]}
    assert role_policies.allowed(key_statements) == role_policies.key_use(sids)
    role_policies.assert_only_through_s3(deployment, key_statements)


@pytest.mark.parametrize(("who", "sid", "action"), sorted(NEEDED_BY))
def test_without_permission(
    who: str, sid: str, action: str, sluice: Sluice, deployment: Deployment, policies: dict
) -> None:
    """The command fails and reports that access is denied; once the permission is restored, it works."""
    arguments = NEEDED_BY[who, sid, action](sluice, deployment)
    write(deployment, who, role_policies.without(policies[who], sid, action))
    completed = sluice(*arguments, user=who)
    assert completed.code in (1, 2) and completed.denied, completed
    write(deployment, who, policies[who])
    deployment.client("sqs").purge_queue(QueueUrl=deployment.ingest.dead_letters_url)
    if arguments[0] == "redrive":
        new_dead_letter(deployment)
    sluice.run(*arguments, user=who)


def test_without_permission_to_abort_uploads(sluice: Sluice, deployment: Deployment, policies: dict) -> None:
    """After Ctrl-C, the parts remain and the error is reported."""
    who, sid, action = ABORT_UPLOAD
    write(deployment, who, role_policies.without(policies[who], sid, action))
    key = f"{unique_name()}.json"
    interrupted = interrupt_upload(sluice, deployment, key)
    assert interrupted.code == 1 and interrupted.denied, interrupted
    [remaining] = pending_uploads(deployment, key)
    deployment.client("s3").abort_multipart_upload(Bucket=deployment.ingest.processing, Key=key, UploadId=remaining)


@pytest.mark.parametrize(("who", "sid", "action"), sorted(UNENFORCED))
def test_permissions_that_the_emulator_does_not_enforce_are_granted(
    who: str, sid: str, action: str, sluice: Sluice, deployment: Deployment, policies: dict
) -> None:
    """SimulatePrincipalPolicy shows the grant. If the emulator begins to enforce the permission, this test fails."""
    arn = role_arn(deployment, who)
    resource = "*" if sid == "SeeMetrics" else f"arn:aws:s3:::{deployment.ingest.processing}"

    def decision() -> str:
        answer = deployment.client("iam").simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource]
        )
        return answer["EvaluationResults"][0]["EvalDecision"]

    arguments = UNENFORCED[who, sid, action](sluice, deployment)
    assert decision() == "allowed"
    write(deployment, who, role_policies.without(policies[who], sid, action))
    assert decision() == "implicitDeny"
    sluice.run(*arguments, user=who)
