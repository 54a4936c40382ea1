"""The files of the fault run, each with the outcome that it must have, and the program of one uploading client.

`python -m e2e.uploads STACK OUTPUTS PLAN ANSWERS` uploads the files of PLAN in order as the uploader role. Each line of
its input grants so many uploads; it ends with its plan or its input. Every answer of S3 becomes a line of ANSWERS.
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

# Beginnings of keys that some program reads differently: encodings, markup, separators, names of our own.
ODD = (
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
    """One file. Valid files with one `item` claim the same place in the table."""

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
    """`count` files in the order of their upload: valid, invalid, rivals for one item, copies, and keys used again."""
    rng = random.Random(seed)
    made: list[Upload] = []
    number = 0
    while len(made) < count:
        number += 1
        odd = rng.choice(ODD) if rng.random() < 0.25 else ""
        made += _group(rng, f"f{seed % 100_000}/{odd}{number:05}", f"artist-{seed}", number)
    made = made[:count]
    # Neighbours of a group stay near each other, so that rivals meet, but not in order.
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
    elif kind < 0.80:  # rivals: one is stored, the others are conflicts
        for rival in range(rng.choice((2, 2, 3))):
            yield valid(f"{key}-{rival}.json", item, f"rival {rival}")
    elif kind < 0.86:  # the same bytes under several keys: one is stored, the others are duplicates
        for copy in range(rng.choice((2, 3))):
            yield valid(f"{key}-copy{copy}.json", item, "same")
    elif kind < 0.89:  # two contents, each twice: one content wins
        for title in ("left", "left", "right", "right"):
            yield valid(f"{key}-{title}-{rng.randrange(1 << 30)}.json", item, title)
    elif kind < 0.92:  # the same key again with the same bytes
        yield valid(f"{key}.json", item, "again")
        yield valid(f"{key}.json", item, "again")
    elif kind < 0.95:  # the same key again for another item
        yield valid(f"{key}.json", item, "first")
        yield valid(f"{key}.json", other, "second")
    elif kind < 0.98:  # refused, then corrected
        yield invalid(f"{key}.json")
        yield valid(f"{key}.json", item, "corrected")
    else:
        yield Upload(f"{key}/", b"", "folder")


def main() -> None:
    name, outputs, planned, answered = sys.argv[1:]
    stack = paths.stack(name)
    found = emulator.running(stack)
    if found is None:
        raise SystemExit(f"the stack `{name}` does not run")
    deployment = Deployment(stack, found, json.loads(Path(outputs).read_text()))
    s3, bucket = deployment.client("s3", "uploader-role"), deployment.ingest.processing
    with Path(planned).open() as lines, Path(answered).open("w", buffering=1) as answers:
        waiting = enumerate(lines)
        for grant in sys.stdin:
            for _ in range(int(grant)):
                number, line = next(waiting, (0, ""))
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
