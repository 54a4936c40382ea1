"""Many concurrent uploads."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from .. import readback
from ..deployment import Deployment
from ..inbox import Inbox
from ..ingest_events import queue_is_empty, upload
from ..scenario import music
from .ingest_steps import copy_and_reason, log_since
from .polling import eventually, now_ms

FILES = 300


def test_300_files_all_have_an_outcome(deployment: Deployment, inbox: Inbox) -> None:
    """300 keys, a tenth of them invalid files, uploaded by eight threads: each has one outcome."""
    name = f"load-{uuid.uuid4().hex[:8]}"
    bodies = {
        f"{name}/{number:03} ü+.json": b"[]" if number % 10 == 0 else music(name, f"TRACK#{number}")
        for number in range(FILES)
    }
    started, since = time.monotonic(), now_ms()
    with ThreadPoolExecutor(8) as pool:
        versions = dict(zip(bodies, pool.map(lambda key: upload(deployment, key, bodies[key]), bodies), strict=True))

    def outcomes() -> dict[str, list[str]]:
        found = readback.outcomes(readback.log_lines(deployment, since))
        return {key: [line["end"] for line in found.get(version, [])] for key, version in versions.items()}

    eventually(lambda: all(outcomes().values()), f"outcomes of {FILES} files", timeout_s=90)
    seconds = time.monotonic() - started
    expected = {key: ["invalid"] if body == b"[]" else ["stored"] for key, body in bodies.items()}
    assert outcomes() == expected, log_since(deployment, since)[-4000:]

    answer = (
        deployment.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=deployment.ingest.table,
            KeyConditionExpression="#k = :v",
            ExpressionAttributeNames={"#k": deployment.ingest.hash_key},
            ExpressionAttributeValues={":v": {"S": name}},
        )
    )
    items = [item for page in answer for item in page["Items"]]
    assert {readback.source_of(item)["version_id"] for item in items} == {
        versions[key] for key, body in bodies.items() if body != b"[]"
    }
    quarantined = [key for key, body in bodies.items() if body == b"[]"]
    found = {key for key in readback.quarantine_keys(deployment) if key.startswith(f"{name}/")}
    assert found == {name for key in quarantined for name in copy_and_reason(key, versions[key])}
    eventually(lambda: queue_is_empty(deployment), "empty queue")
    assert readback.depth(deployment, deployment.ingest.dead_letters_url) == 0
    notices = [notice for notice in inbox.read() if notice.key.startswith(f"{name}/")]
    assert len(notices) == FILES // 10
    print(f"{FILES} files from the first upload to the last outcome: {seconds:.1f} s")
