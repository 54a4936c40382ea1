"""The roles of the provenance functions have exactly the permissions that they need: each is removed once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from .. import evidence
from ..deployment import Deployment
from ..evidence import ObjectVersion
from ..ingest_events import object_created
from . import role_policies
from .ingest_steps import restart_function

POLICY = "effects"
FUNCTION, LEDGER = "function", "ledger"

# Which invocations fail without the action: `named` is an event with a version-id, `unnamed` one without, `ingest` one
# of the ingest's bucket, `again` one whose receipt exists already; `manifest` is a run of the ledger.
NEEDED_BY: dict[tuple[str, str, str], set[str]] = {
    (FUNCTION, "FindVersion", "s3:ListBucketVersions"): {"unnamed"},
    (FUNCTION, "FindVersionIngest", "s3:ListBucketVersions"): {"ingest"},
    (FUNCTION, "ReadVersion", "s3:GetObjectVersion"): {"named", "unnamed", "ingest"},
    (FUNCTION, "ReadReceipt", "s3:GetObject"): {"named", "unnamed", "ingest", "again"},
    (FUNCTION, "AnnounceReceipt", "s3:PutObject"): {"named", "unnamed", "ingest"},
    (FUNCTION, "WriteReceipt", "s3:PutObject"): {"named", "unnamed", "ingest"},
    (LEDGER, "SeeLedger", "s3:ListBucket"): {"manifest"},
    (LEDGER, "ReadLedger", "s3:GetObject"): {"manifest"},
    (LEDGER, "WriteManifest", "s3:PutObject"): {"manifest"},
}

# Permissions that the emulator does not enforce: it answers 404 for a missing receipt (`missing-key-status`), and polls
# without the role's permissions (`mapping-permissions`).
UNENFORCED = {
    (FUNCTION, "SeeReceipts", "s3:ListBucket"),
    *((FUNCTION, "TakeFromQueue", f"sqs:{call}") for call in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")),
}


def role_arn(deployment: Deployment, who: str) -> str:
    names = deployment.provenance
    return {FUNCTION: names.role_arn, LEDGER: names.ledger_role_arn}[who]


def function(deployment: Deployment, who: str) -> str:
    return {FUNCTION: deployment.provenance.function, LEDGER: deployment.provenance.ledger_function}[who]


def statements(deployment: Deployment, who: str) -> list[dict]:
    return role_policies.statements(deployment, role_arn(deployment, who), POLICY)


def write(deployment: Deployment, who: str, found: list[dict]) -> None:
    role_policies.write(deployment, role_arn(deployment, who), POLICY, found)
    restart_function(deployment, function(deployment, who))


def invoke(deployment: Deployment, who: str, payload: dict) -> str:
    """The error that the function returns; empty if it succeeded."""
    answer = deployment.client("lambda").invoke(
        FunctionName=function(deployment, who), Payload=json.dumps(payload).encode()
    )
    payload = answer["Payload"].read().decode()
    return payload if "FunctionError" in answer else ""


def created_event(deployment: Deployment, version: ObjectVersion, named: bool = True) -> dict:
    found = object_created(deployment, version.key, version.version_id if named else None, len(version.body))
    found["detail"]["bucket"]["name"] = version.bucket
    if not named:
        del found["detail"]["object"]["etag"]
    return found


@pytest.fixture(scope="module")
def recorded(deployment: Deployment) -> ObjectVersion:
    version = evidence.put(deployment, f"incoming/recorded-{uuid.uuid4().hex[:8]}", b"recorded")
    evidence.wait_for(lambda: evidence.receipt(deployment, version), "receipt")
    return version


@pytest.fixture
def policies(deployment: Deployment) -> Iterator[dict[str, list[dict]]]:
    """The policies of both roles, which are restored after the test."""
    found = {who: statements(deployment, who) for who in (FUNCTION, LEDGER)}
    yield found
    for who, policy in found.items():
        write(deployment, who, policy)


def payloads_for(deployment: Deployment, who: str, recorded: ObjectVersion) -> dict[str, dict]:
    """Payloads by name; their versions are written while the rules are disabled."""
    if who == LEDGER:
        return {"manifest": {"until": "now"}}
    name = uuid.uuid4().hex[:8]

    def put(bucket: str, key: str) -> ObjectVersion:
        body = key.encode()
        version_id = deployment.client("s3").put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]
        return ObjectVersion(bucket, key, version_id, body)

    data, processing = deployment.provenance.data, deployment.ingest.processing
    return {
        "named": created_event(deployment, put(data, f"incoming/named-{name}")),
        "unnamed": created_event(deployment, put(data, f"incoming/unnamed-{name}"), named=False),
        "ingest": created_event(deployment, put(processing, f"probe-{name}.txt"), named=False),
        "again": created_event(deployment, recorded),
    }


@pytest.fixture(scope="module")
def events_off(deployment: Deployment, recorded: ObjectVersion) -> Iterator[None]:
    """Disables the rules: only the test sends events."""
    events = deployment.client("events")
    rules = [*deployment.provenance.rules, deployment.ingest.rule]
    for rule in rules:
        events.disable_rule(Name=rule)
    yield
    for rule in rules:
        events.enable_rule(Name=rule)


def test_every_permission_is_tried_or_unenforced(deployment: Deployment) -> None:
    """No permission is missing here, and none exists that no call needs."""
    found = {(who, *one) for who in (FUNCTION, LEDGER) for one in role_policies.allowed(statements(deployment, who))}
    assert found == set(NEEDED_BY) | UNENFORCED


@pytest.mark.parametrize("who", [FUNCTION, LEDGER])
def test_the_key_is_used_through_s3_only(who: str, deployment: Deployment) -> None:
    """The other inline policies are for the log, and for objects that are encrypted with the deployment's key."""
    found = role_policies.all_statements(deployment, role_arn(deployment, who))
    assert set(found) == {POLICY, "logs", role_policies.ENCRYPTED_BUCKETS}
    key_statements = found[role_policies.ENCRYPTED_BUCKETS]
    assert role_policies.allowed(key_statements) == role_policies.key_use(["ReadEncrypted", "WriteEncrypted"])
    role_policies.assert_only_through_s3(deployment, key_statements)


@pytest.mark.parametrize(("who", "sid", "action"), sorted(NEEDED_BY))
def test_without_permission(
    who: str, sid: str, action: str, deployment: Deployment, recorded: ObjectVersion, events_off: None, policies: dict
) -> None:
    """Exactly the invocations that need the permission fail; once it is restored, all of them succeed."""
    payloads = payloads_for(deployment, who, recorded)
    write(deployment, who, role_policies.without(policies[who], sid, action))
    failed = {name for name, payload in payloads.items() if invoke(deployment, who, payload)}
    assert failed == NEEDED_BY[who, sid, action]
    write(deployment, who, policies[who])
    assert {name: error for name, payload in payloads.items() if (error := invoke(deployment, who, payload))} == {}


@pytest.mark.parametrize(
    ("who", "action"),
    [(who, action) for who in (FUNCTION, LEDGER) for action in ("s3:DeleteObject", "s3:DeleteObjectVersion")],
)
def test_neither_role_deletes(who: str, action: str, deployment: Deployment) -> None:
    """Neither role can delete a receipt or an object version."""
    names, arn = deployment.provenance, role_arn(deployment, who)
    for resource in (f"arn:aws:s3:::{names.receipts}/provenance/x", f"arn:aws:s3:::{names.data}/incoming/x"):
        answer = deployment.client("iam").simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource]
        )
        assert answer["EvaluationResults"][0]["EvalDecision"] == "implicitDeny"


@pytest.fixture
def key_policy(deployment: Deployment) -> Iterator[dict]:
    """The policy of the signing key, which is restored after the test."""
    kms, key = deployment.client("kms"), deployment.provenance.signing_key
    document = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    yield document
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(document))


@pytest.mark.parametrize("sid", ["SignManifests", "ReadPublicKey"])
def test_without_statement_of_the_key_policy(sid: str, deployment: Deployment, key_policy: dict) -> None:
    """Only the key policy allows the ledger to sign and the auditor to read the public key."""
    kms, key = deployment.client("kms"), deployment.provenance.signing_key
    remaining = [statement for statement in key_policy["Statement"] if statement["Sid"] != sid]
    assert len(remaining) == len(key_policy["Statement"]) - 1

    def denied() -> bool:
        if sid == "SignManifests":
            return bool(invoke(deployment, LEDGER, {"until": "now"}))
        try:
            deployment.client("kms", "provenance-auditor").get_public_key(KeyId=key)
        except ClientError as error:
            return error.response["Error"]["Code"].startswith("AccessDenied")
        return False

    assert not denied()
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(key_policy | {"Statement": remaining}))
    assert denied()


def test_only_the_ledger_signs(deployment: Deployment) -> None:
    """Neither the function nor people nor the deployer can sign."""
    key = deployment.provenance.signing_key
    for user in ("deployer", "provenance-operator", "provenance-auditor", "provenance-uploader"):
        with pytest.raises(ClientError, match="AccessDenied"):
            deployment.client("kms", user).sign(
                KeyId=key, Message=b"0" * 32, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
            )
