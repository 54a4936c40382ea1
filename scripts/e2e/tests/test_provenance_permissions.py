"""The roles of the functions of provenance hold what they call, nothing to spare: each action is taken away once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from .. import evidence
from ..deployment import Deployment
from ..evidence import Version
from ..run import event
from . import grants

POLICY = "effects"
FUNCTION, LEDGER = "function", "ledger"

# What cannot end without the action: `named` is an event with a version-id, `unnamed` one without, `again` one whose
# receipt is there already; `seal` is a run of the ledger.
NEEDED_BY: dict[tuple[str, str, str], set[str]] = {
    (FUNCTION, "FindVersion", "s3:ListBucketVersions"): {"unnamed"},
    (FUNCTION, "FindVersionIngest", "s3:ListBucketVersions"): {"ingest"},
    (FUNCTION, "ReadVersion", "s3:GetObjectVersion"): {"named", "unnamed", "ingest"},
    (FUNCTION, "ReadReceipt", "s3:GetObject"): {"named", "unnamed", "ingest", "again"},
    (FUNCTION, "AnnounceReceipt", "s3:PutObject"): {"named", "unnamed", "ingest"},
    (FUNCTION, "WriteReceipt", "s3:PutObject"): {"named", "unnamed", "ingest"},
    (LEDGER, "SeeLedger", "s3:ListBucket"): {"seal"},
    (LEDGER, "ReadLedger", "s3:GetObject"): {"seal"},
    (LEDGER, "WriteManifest", "s3:PutObject"): {"seal"},
}

# What the emulator does not ask for: a receipt that is not there answers 404 to everybody (`missing-key-status`), a
# mapping polls and a bucket encrypts in the name of nobody (`mapping-permissions`, `key-use-by-services`).
UNENFORCED = {
    (FUNCTION, "SeeReceipts", "s3:ListBucket"),
    *((FUNCTION, "TakeFromQueue", f"sqs:{call}") for call in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")),
    *(
        (who, sid, action)
        for who in (FUNCTION, LEDGER)
        for sid, action in (
            ("ReadEncrypted", "kms:Decrypt"),
            ("WriteEncrypted", "kms:GenerateDataKey"),
        )
    ),
}


def role_arn(deployment: Deployment, who: str) -> str:
    names = deployment.provenance
    return {FUNCTION: names.role_arn, LEDGER: names.ledger_role_arn}[who]


def function(deployment: Deployment, who: str) -> str:
    return {FUNCTION: deployment.provenance.function, LEDGER: deployment.provenance.ledger_function}[who]


def statements(deployment: Deployment, who: str) -> list[dict]:
    return grants.statements(deployment, role_arn(deployment, who), POLICY)


def write(deployment: Deployment, who: str, found: list[dict]) -> None:
    grants.write(deployment, role_arn(deployment, who), POLICY, found)
    # A cold start, so that the change is seen.
    client, name = deployment.client("lambda"), function(deployment, who)
    timeout = client.get_function_configuration(FunctionName=name)["Timeout"]
    client.update_function_configuration(FunctionName=name, Timeout=timeout)


def invoke(deployment: Deployment, who: str, payload: dict) -> str:
    """What the function says of its error; empty if there was none."""
    answer = deployment.client("lambda").invoke(
        FunctionName=function(deployment, who), Payload=json.dumps(payload).encode()
    )
    said = answer["Payload"].read().decode()
    return said if "FunctionError" in answer else ""


def announced(deployment: Deployment, version: Version, named: bool = True) -> dict:
    found = event(deployment, version.key, version.version_id if named else None, len(version.body))
    found["detail"]["bucket"]["name"] = version.bucket
    if not named:
        del found["detail"]["object"]["etag"]
    return found


@pytest.fixture(scope="module")
def known(deployment: Deployment) -> Version:
    version = evidence.put(deployment, f"incoming/known-{uuid.uuid4().hex[:8]}", b"known")
    evidence.until(lambda: evidence.receipt(deployment, version), "a receipt")
    return version


@pytest.fixture
def whole(deployment: Deployment) -> Iterator[dict[str, list[dict]]]:
    """Both policies; put back after the test, whatever happens."""
    found = {who: statements(deployment, who) for who in (FUNCTION, LEDGER)}
    yield found
    for who, policy in found.items():
        write(deployment, who, policy)


def probes(deployment: Deployment, who: str, known: Version) -> dict[str, dict]:
    """Payloads by name; the versions arrive while the rules are off."""
    if who == LEDGER:
        return {"seal": {"until": "now"}}
    name = uuid.uuid4().hex[:8]

    def unseen(bucket: str, key: str) -> Version:
        body = key.encode()
        version_id = deployment.client("s3").put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]
        return Version(bucket, key, version_id, body)

    data, processing = deployment.provenance.data, deployment.ingest.processing
    return {
        "named": announced(deployment, unseen(data, f"incoming/named-{name}")),
        "unnamed": announced(deployment, unseen(data, f"incoming/unnamed-{name}"), named=False),
        "ingest": announced(deployment, unseen(processing, f"probe-{name}.txt"), named=False),
        "again": announced(deployment, known),
    }


@pytest.fixture(scope="module")
def quiet(deployment: Deployment, known: Version) -> Iterator[None]:
    """Only the test announces."""
    events = deployment.client("events")
    rules = [*deployment.provenance.rules, deployment.ingest.rule]
    for rule in rules:
        events.disable_rule(Name=rule)
    yield
    for rule in rules:
        events.enable_rule(Name=rule)


def test_every_action_is_taken_away_once(deployment: Deployment) -> None:
    """001.16: no permission is forgotten, and none is there that no call needs."""
    found = {(who, *one) for who in (FUNCTION, LEDGER) for one in grants.allowed(statements(deployment, who))}
    assert found == set(NEEDED_BY) | UNENFORCED


@pytest.mark.parametrize(("who", "sid", "action"), sorted(NEEDED_BY))
def test_without(
    who: str, sid: str, action: str, deployment: Deployment, known: Version, quiet: None, whole: dict
) -> None:
    """Without it exactly the calls that need it fail, and say so; with it back, the same events end."""
    payloads = probes(deployment, who, known)
    write(deployment, who, grants.without(whole[who], sid, action))
    failed = {name for name, payload in payloads.items() if invoke(deployment, who, payload)}
    assert failed == NEEDED_BY[who, sid, action]
    write(deployment, who, whole[who])
    assert {name: said for name, payload in payloads.items() if (said := invoke(deployment, who, payload))} == {}


@pytest.mark.parametrize(
    ("who", "action"),
    [(who, action) for who in (FUNCTION, LEDGER) for action in ("s3:DeleteObject", "s3:DeleteObjectVersion")],
)
def test_neither_deletes(who: str, action: str, deployment: Deployment) -> None:
    """What is recorded stays: neither role may delete, wherever."""
    names, arn = deployment.provenance, role_arn(deployment, who)
    for resource in (f"arn:aws:s3:::{names.receipts}/provenance/x", f"arn:aws:s3:::{names.data}/incoming/x"):
        answer = deployment.client("iam").simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource]
        )
        assert answer["EvaluationResults"][0]["EvalDecision"] == "implicitDeny"


@pytest.fixture
def key_policy(deployment: Deployment) -> Iterator[dict]:
    """The policy of the signing key; put back after the test."""
    kms, key = deployment.client("kms"), deployment.provenance.signing_key
    document = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    yield document
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(document))


@pytest.mark.parametrize("sid", ["SignManifests", "ReadPublicKey"])
def test_without_the_keys_own_statement(sid: str, deployment: Deployment, key_policy: dict) -> None:
    """Who signs and who may have the public key stands in the key's policy; no other statement lets them."""
    kms, key = deployment.client("kms"), deployment.provenance.signing_key
    left = [statement for statement in key_policy["Statement"] if statement["Sid"] != sid]
    assert len(left) == len(key_policy["Statement"]) - 1

    def refused() -> bool:
        if sid == "SignManifests":
            return bool(invoke(deployment, LEDGER, {"until": "now"}))
        try:
            deployment.client("kms", "provenance-auditor").get_public_key(KeyId=key)
        except ClientError as error:
            return error.response["Error"]["Code"].startswith("AccessDenied")
        return False

    assert not refused()
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(key_policy | {"Statement": left}))
    assert refused()


def test_only_the_ledger_signs(deployment: Deployment) -> None:
    """Not the function, not the people, and not whoever applies."""
    key = deployment.provenance.signing_key
    for user in ("deployer", "provenance-operator", "provenance-auditor", "provenance-uploader"):
        with pytest.raises(ClientError, match="AccessDenied"):
            deployment.client("kms", user).sign(
                KeyId=key, Message=b"0" * 32, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
            )
