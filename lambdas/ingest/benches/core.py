"""Generates the documents of the benchmark, and does the same work as core.rs with json, jsonschema and hashlib."""

import hashlib
import json
import pathlib
import sys
import time

import jsonschema

SCHEMA = pathlib.Path(__file__).parents[3] / "terraform/examples/eventpulse/music-item.schema.json"


def make(path: str, count: int, features: int) -> None:
    """Write one music item per line. Every tenth has a bare list member and is invalid."""
    with open(path, "w") as lines:
        for n in range(count):
            artists = [{"S": f"artist number {m}"} for m in range(features)]
            if n % 10 == 3:
                artists[-1] = artists[-1]["S"]
            item = {
                "ArtistID": {"S": f"artist {n % 97}"},
                "ItemID": {"S": f"TRACK#{n}"},
                "EntityType": {"S": "Track"},
                "Title": {"S": f"Title of number {n}"},
                "Duration": {"N": str(100 + n % 300)},
                "Streams": {"N": str(n * 1000)},
                "Year": {"N": str(1990 + n % 36)},
                "Features": {"L": artists},
            }
            print(json.dumps(item), file=lines)


def measure(path: str) -> None:
    """Print the best of two rounds in the same form as core.rs."""
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    documents = pathlib.Path(path).read_bytes().splitlines()
    best, items = float("inf"), 0
    for _ in range(2):
        start = time.perf_counter()
        items = 0
        for document in documents:
            hashlib.sha256(document).hexdigest()
            items += validator.is_valid(json.loads(document))
        best = min(best, time.perf_counter() - start)
    size = sum(map(len, documents))
    print(json.dumps({"documents": len(documents), "bytes": size, "items": items, "seconds": best}))


def table(title: str, rust_json: str, python_json: str) -> None:
    """Print one row of BENCHMARKS.md."""
    rust, python = json.loads(rust_json), json.loads(python_json)
    if (rust["documents"], rust["items"]) != (python["documents"], python["items"]):
        sys.exit(f"the results differ, so the programs did not do the same work: {rust} {python}")
    per_second = [r["documents"] / r["seconds"] for r in (rust, python)]
    mib = [r["bytes"] / r["seconds"] / 2**20 for r in (rust, python)]
    ratio = python["seconds"] / rust["seconds"]
    print(f"| {title} | {per_second[0]:,.0f}/s, {mib[0]:.0f} MiB/s | {per_second[1]:,.0f}/s, {mib[1]:.1f} MiB/s | {ratio:.0f}x |")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", path, count, features]:
            make(path, int(count), int(features))
        case ["measure", path]:
            measure(path)
        case ["table", title, rust_json, python_json]:
            table(title, rust_json, python_json)
        case _:
            sys.exit("usage: core.py make PATH COUNT FEATURES | measure PATH | table TITLE RUST PYTHON")
