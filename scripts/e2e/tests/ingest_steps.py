"""Steps that several tests of the ingest and of `sluice` share."""

from __future__ import annotations

import json
import uuid

from .. import evidence, readback
from ..deployment import Deployment
from ..evidence import ObjectVersion
from ..ingest_events import object_created, upload
from ..inventory import REASON_SUFFIX
from ..scenario import music
from .polling import eventually


def unique_name() -> str:
    return f"sluice-{uuid.uuid4().hex[:8]}"


def wait_for_item(deployment: Deployment, item: tuple[str, str]) -> None:
    eventually(lambda: readback.item(deployment, item) is not None, f"item {item}")


def delete_item(deployment: Deployment, item: tuple[str, str]) -> None:
    ingest = deployment.ingest
    keys = {ingest.hash_key: {"S": item[0]}, ingest.range_key: {"S": item[1]}}
    deployment.client("dynamodb").delete_item(TableName=ingest.table, Key=keys)


def have_outcomes(deployment: Deployment, versions: set[str], since_ms: int) -> bool:
    """Whether the log has an outcome for each of these version-ids."""
    return versions <= set(readback.outcomes(readback.log_lines(deployment, since_ms)))


def upload_invalid(deployment: Deployment, key: str, body: bytes) -> str:
    """Uploads an invalid file and waits until it has been moved to quarantine; returns its version-id."""
    version = upload(deployment, key, body)
    eventually(lambda: readback.quarantined(deployment, key, version) is not None, f"`{key}` in quarantine")
    eventually(lambda: not readback.version_exists(deployment, key, version), f"deletion of `{key}` at its source")
    return version


def quarantine_after_receipt(deployment: Deployment, key: str, body: bytes) -> ObjectVersion:
    """Uploads an invalid file whose receipt is written before the ingest moves it to quarantine.

    Otherwise, the receipt could have the state `gone`: the events of the emulator have no version-id.
    """
    events, ingest = deployment.client("events"), deployment.ingest
    events.disable_rule(Name=ingest.rule)
    try:
        version = ObjectVersion(ingest.processing, key, upload(deployment, key, body), body)
        evidence.wait_for(lambda: evidence.receipt(deployment, version), "receipt")
    finally:
        events.enable_rule(Name=ingest.rule)
    payload = json.dumps(object_created(deployment, key, version.version_id, len(body))).encode()
    deployment.client("lambda").invoke(FunctionName=ingest.function, Payload=payload)
    assert readback.quarantined(deployment, key, version.version_id), key
    return version


def upload_conflict(deployment: Deployment, name: str) -> tuple[str, bytes]:
    """Uploads a file that conflicts with an item, then deletes the item: when the file is released, it is stored."""
    key, item = f"{name}/second.json", (name, "TRACK#1")
    upload(deployment, f"{name}/first.json", music(*item, Title={"S": "first"}))
    wait_for_item(deployment, item)
    body = music(*item, Title={"S": "second"})
    upload_invalid(deployment, key, body)
    delete_item(deployment, item)
    return key, body


def quarantine_keys_of(deployment: Deployment, key: str) -> set[str]:
    """The keys of the copies of `key` and of their reason records."""
    return {found for found in readback.quarantine_keys(deployment) if found.startswith(f"{key}/")}


def copy_and_reason(key: str, version_id: str) -> set[str]:
    """The two keys in quarantine that belong to a version."""
    return {f"{key}/{version_id}", f"{key}/{version_id}{REASON_SUFFIX}"}


def dead_letter(deployment: Deployment, key: str) -> tuple[str, str]:
    """The version-id and the body of a dead letter about a version that does not exist: its outcome is `gone`."""
    version = str(uuid.uuid4())
    return version, json.dumps(object_created(deployment, key, version, 1))


def send_dead_letter(deployment: Deployment, url: str, body: str) -> None:
    attribute = {"ERROR_CODE": {"DataType": "String", "StringValue": "NO_PERMISSIONS"}}
    deployment.client("sqs").send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attribute)


def receive_dead_letters(deployment: Deployment) -> dict[str, str]:
    """Receives and deletes the dead letters of the ingest's queue; the bodies by the object key in them."""
    sqs, url = deployment.client("sqs"), deployment.ingest.dead_letters_url
    bodies = {}
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            bodies[_object_key(message["Body"])] = message["Body"]
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def _object_key(body: str) -> str:
    try:
        return json.loads(body)["detail"]["object"]["key"]
    except (ValueError, KeyError):
        return body


def restart_function(deployment: Deployment, name: str) -> None:
    """Makes the next invocation a cold start: writing a configuration ends the warm ones, even if nothing changes."""
    client = deployment.client("lambda")
    timeout = client.get_function_configuration(FunctionName=name)["Timeout"]
    client.update_function_configuration(FunctionName=name, Timeout=timeout)


def log_since(deployment: Deployment, since_ms: int) -> str:
    """The log lines of the ingest's function, for a failing assertion."""
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in readback.log_lines(deployment, since_ms))
