"""Waiting for facts, never for time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from .. import facts
from ..deployment import Deployment


def eventually(fact: Callable[[], bool], what: str, patience: float = 30.0) -> None:
    """Returns as soon as `fact` holds; fails with `what` if it never does."""
    deadline = time.monotonic() + patience
    while not fact():
        assert time.monotonic() < deadline, f"waited {patience:.0f} s in vain: {what}"
        time.sleep(0.1)


def now_ms() -> int:
    return int(time.time() * 1000)


def take_dead_letters(deployment: Deployment) -> dict[str, str]:
    """Takes what has become a dead letter; the messages' bodies by the key they are about."""
    sqs, url = deployment.client("sqs"), deployment.ingest.dead_letters_url
    taken = {}
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            taken[key_of(message["Body"])] = message["Body"]
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return taken


def key_of(body: str) -> str:
    try:
        return json.loads(body)["detail"]["object"]["key"]
    except (ValueError, KeyError):
        return body


def restart_function(deployment: Deployment) -> None:
    """Lets the next invocation start cold, as every written configuration does, though it is the same one."""
    client, name = deployment.client("lambda"), deployment.ingest.function
    timeout = client.get_function_configuration(FunctionName=name)["Timeout"]
    client.update_function_configuration(FunctionName=name, Timeout=timeout)


def log_since(deployment: Deployment, since_ms: int) -> str:
    """The function's lines for a failing assertion."""
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in facts.log_lines(deployment, since_ms))
