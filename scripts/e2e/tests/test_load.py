"""Many files at once."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from .. import facts
from ..deployment import Deployment
from ..inbox import Inbox
from ..run import Played, drained, upload
from ..scenario import music
from .waiting import eventually, log_since, now_ms

FILES = 300


def test_300_files_all_end(deployment: Deployment, inbox: Inbox, played: Played) -> None:
    """300 distinct keys, a tenth of them invalid, put by eight at once: each ends once, none is lost."""
    name = f"load-{uuid.uuid4().hex[:8]}"
    bodies = {
        f"{name}/{number:03} ü+.json": b"[]" if number % 10 == 0 else music(name, f"TRACK#{number}")
        for number in range(FILES)
    }
    started, since = time.monotonic(), now_ms()
    with ThreadPoolExecutor(8) as pool:
        versions = dict(zip(bodies, pool.map(lambda key: upload(deployment, key, bodies[key]), bodies), strict=True))

    def ends() -> dict[str, list[str]]:
        found = facts.ends(facts.log_lines(deployment, since))
        return {key: [line["end"] for line in found.get(version, [])] for key, version in versions.items()}

    eventually(lambda: all(ends().values()), f"{FILES} files to end", patience=90)
    took = time.monotonic() - started
    expected = {key: ["invalid"] if body == b"[]" else ["stored"] for key, body in bodies.items()}
    assert ends() == expected, log_since(deployment, since)[-4000:]

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
    assert {facts.source_of(item)["version_id"] for item in items} == {
        versions[key] for key, body in bodies.items() if body != b"[]"
    }
    refused = {f"{key}/{versions[key]}" for key, body in bodies.items() if body == b"[]"}
    found = {key for key in facts.quarantine_keys(deployment) if key.startswith(f"{name}/")}
    assert found == refused | {f"{place}.reason.json" for place in refused}
    eventually(lambda: drained(deployment), "an empty queue")
    assert facts.depth(deployment, deployment.ingest.dead_letters_url) == 0
    told = [notice for notice in inbox.read() if notice.key.startswith(f"{name}/")]
    assert len(told) == FILES // 10
    print(f"{FILES} files from first upload to last end: {took:.1f} s")
