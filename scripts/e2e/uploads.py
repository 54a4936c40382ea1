"""The files of the fault run with their expected outcomes, and the program of one uploading client.

`python -m e2e.uploads STACK OUTPUTS PLAN ANSWERS` uploads the files of PLAN in order, as the uploader role. Each line
on standard input is a number of uploads to make; the program exits at the end of PLAN or of its input. It writes each
answer of S3 as a line of ANSWERS.
"""

from __future__ import annotations

import base64
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from . import emulator, paths
from .deployment import Deployment
from .scenario import music

# Prefixes that programs tend to misread: encodings, markup, separators, reserved names.
UNUSUAL_PREFIXES = (
    "a+b & 100% é 日本/",
    "sp ace  two/",
    "%2B%00%zz/",
    "<&\"'>/",
    "x.reason.json/",
    "./../~_/",
    "-\\|*?/",
    "tab-free 𝄞 e\u0301/",
    "\u202e\u200brtl/",
    "back`tick` $(id)/",
)


@dataclass(frozen=True)
class Upload:
    """One file. Valid files with the same `item` have the same table key."""

    key: str
    body: bytes
    kind: str  # valid | invalid | folder
    item: tuple[str, str] | None = None

    def line(self) -> str:
        return json.dumps(
            {"key": self.key, "body": base64.b64encode(self.body).decode(), "kind": self.kind, "item": self.item}
        )

    @staticmethod
    def read(line: str) -> Upload:
        found = json.loads(line)
        item = tuple(found["item"]) if found["item"] else None
        return Upload(found["key"], base64.b64decode(found["body"]), found["kind"], item)


INVALID = (b"", b"{", b"[]", b'{"ArtistID":{"S":"A"}}', b"\xff\xfe", b'{"ArtistID":{"S":"A"},"ItemID":{"N":"1"}}')


def plan(seed: int, count: int) -> list[Upload]:
    """`count` files in upload order: valid, invalid, conflicting, copies, and keys that are used again."""
    rng = random.Random(seed)
    made: list[Upload] = []
    number = 0
    while len(made) < count:
        number += 1
        prefix = rng.choice(UNUSUAL_PREFIXES) if rng.random() < 0.25 else ""
        made += _group(rng, f"f{seed % 100_000}/{prefix}{number:05}", f"artist-{seed}", number)
    made = made[:count]
    # The files of a group stay close to each other, so that they compete, but not in order.
    return [upload for _, upload in sorted(enumerate(made), key=lambda one: one[0] + rng.uniform(0, 40))]


def _group(rng: random.Random, key: str, artist: str, number: int) -> Iterator[Upload]:
    item = (artist, f"TRACK#{number}")
    other = (artist, f"TRACK#{number}-b")

    def valid(at: str, of: tuple[str, str], title: str) -> Upload:
        return Upload(at, music(*of, Title={"S": title}), "valid", of)

    def invalid(at: str) -> Upload:
        return Upload(at, rng.choice(INVALID), "invalid")

    kind = rng.random()
    if kind < 0.62:
        yield valid(f"{key}.json", item, "one")
    elif kind < 0.72:
        yield invalid(f"{key}.json")
    elif kind < 0.80:  # conflicting: one is stored, the others are conflicts
        for variant in range(rng.choice((2, 2, 3))):
            yield valid(f"{key}-{variant}.json", item, f"variant {variant}")
    elif kind < 0.86:  # the same bytes under several keys: one is stored, the others are duplicates
        for copy in range(rng.choice((2, 3))):
            yield valid(f"{key}-copy{copy}.json", item, "same")
    elif kind < 0.89:  # two contents, each twice: one of them is stored
        for title in ("left", "left", "right", "right"):
            yield valid(f"{key}-{title}-{rng.randrange(1 << 30)}.json", item, title)
    elif kind < 0.92:  # the same key again with the same bytes
        yield valid(f"{key}.json", item, "again")
        yield valid(f"{key}.json", item, "again")
    elif kind < 0.95:  # the same key again for another item
        yield valid(f"{key}.json", item, "first")
        yield valid(f"{key}.json", other, "second")
    elif kind < 0.98:  # invalid, then corrected
        yield invalid(f"{key}.json")
        yield valid(f"{key}.json", item, "corrected")
    else:
        yield Upload(f"{key}/", b"", "folder")


def main() -> None:
    name, outputs, plan_file, answer_file = sys.argv[1:]
    stack = paths.stack(name)
    found = emulator.running(stack)
    if found is None:
        raise SystemExit(f"the stack `{name}` is not running")
    deployment = Deployment(stack, found, json.loads(Path(outputs).read_text()))
    s3, bucket = deployment.client("s3", "uploader-role"), deployment.ingest.processing
    with Path(plan_file).open() as lines, Path(answer_file).open("w", buffering=1) as answers:
        numbered = enumerate(lines)
        for grant in sys.stdin:
            for _ in range(int(grant)):
                number, line = next(numbered, (0, ""))
                if not line:
                    return
                upload = Upload.read(line)
                try:
                    answer = s3.put_object(Bucket=bucket, Key=upload.key, Body=upload.body)
                    answers.write(json.dumps({"number": number, "version_id": answer["VersionId"]}) + "\n")
                except (BotoCoreError, ClientError) as error:
                    answers.write(json.dumps({"number": number, "error": str(error)}) + "\n")


if __name__ == "__main__":
    main()
