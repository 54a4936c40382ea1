"""Compares `sluice upload` with `aws s3 cp --recursive` for many small files, on the running stack `spare`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from . import accounts, emulator, environment, paths
from .scenario import music
from .sluice import binary

BUCKET = "sluice-bench"


def main() -> None:
    parser = argparse.ArgumentParser(prog="crates/sluice/bench")
    parser.add_argument("files", nargs="?", type=int, default=5000)
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    arguments = parser.parse_args()
    stack = paths.stack("spare")
    running = emulator.running(stack)
    aws = os.environ.get("AWS_CLI") or shutil.which("aws")
    if running is None or aws is None:
        raise SystemExit("run crates/sluice/bench, with `aws` in PATH")
    keys = accounts.load(stack)["deployer"]
    env = environment.tool(stack, running, keys)
    s3 = accounts.client("s3", stack, running, keys)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": running.region})
    version = subprocess.run([aws, "--version"], env=env, capture_output=True, text=True, check=True).stdout.split()[0]
    with tempfile.TemporaryDirectory() as name:
        folder, outputs = Path(name) / "in", Path(name) / "outputs.json"
        outputs.write_text(json.dumps(_outputs(running.region)))
        _write(folder, arguments.files)
        _write(Path(name) / "few", max(arguments.files // 10, 1))
        tool = [str(binary()), "upload", "--outputs", str(outputs), "--as", "caller", "--prefix"]
        other = [aws, "s3", "cp", "--recursive", "--only-show-errors", "--endpoint-url", running.endpoint]
        times: dict[str, list[float]] = {"aws": [], "sluice": []}
        memory: dict[str, float] = {}
        _, memory["sluice, a tenth of the files"] = _run([*tool, "few", str(Path(name) / "few")], env)
        for number in range(arguments.rounds):
            for what, command in (
                ("aws", [*other, str(folder), f"s3://{BUCKET}/aws-{number}/"]),
                ("sluice", [*tool, f"sluice-{number}", str(folder)]),
            ):
                seconds, peak_mb = _run(command, env)
                times[what].append(seconds)
                memory[what] = max(memory.get(what, 0), peak_mb)
                print(f"{what:<7} {arguments.files} files in {seconds:.1f} s, {peak_mb:.0f} MB", flush=True)
        again, _ = _run([*tool, "sluice-0", str(folder)], env)
    count = sum(len(page.get("Contents", [])) for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET))
    expected = arguments.files * arguments.rounds * 2 + max(arguments.files // 10, 1)
    if count != expected:
        raise SystemExit(f"{count} objects were uploaded, expected {expected}")
    median = {what: statistics.median(seconds) for what, seconds in times.items()}
    ratio = median["aws"] / median["sluice"]
    print(f"{version}: {median['aws']:.1f} s; sluice: {median['sluice']:.1f} s; {ratio:.1f} times as fast")
    print(f"again, with all files uploaded already: {again:.1f} s")
    print("memory: " + ", ".join(f"{what} {peak_mb:.0f} MB" for what, peak_mb in memory.items()))


def _run(command: list[str], env: dict[str, str]) -> tuple[float, float]:
    """Seconds, and peak resident memory in megabytes."""
    started = time.monotonic()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[0]} failed")
    return time.monotonic() - started, usage.ru_maxrss / 1024


def _write(folder: Path, count: int) -> None:
    for number in range(count):
        path = folder / f"{number // 100:03}" / f"{number:05}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(music("bench", f"TRACK#{number}"))


def _outputs(region: str) -> dict:
    """The outputs of a deployment of which only the bucket exists."""
    texts = (
        "table",
        "hash_key",
        "queue_url",
        "event_dead_letter_url",
        "queue_dead_letter_url",
        "function",
        "topic_arn",
    )
    ingest = dict.fromkeys((*texts, "schema_sha256", "schema_key", "quarantine_bucket"), "none")
    ingest |= {"processing_bucket": BUCKET, "prefix": "", "max_object_bytes": 1048576}
    return {"deployment": {"value": {"region": region}}, "ingest": {"value": ingest}}


if __name__ == "__main__":
    main()
