"""Runs the tests of the workspace and records them: `python -m e2e.rust_tests [ARGUMENTS of cargo test]`.

Prints only what did not pass, and the totals. Standard library only.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from . import results
from .paths import ROOT

CARGO = ("cargo", "test", "--locked", "--workspace")
RUNNING = re.compile(r"^\s*Running .+ \((.+)\)$")
TEST = re.compile(r"^test (\S+)(?: - should panic)? \.\.\. (.*)$")
OUTCOMES = {"ok": results.PASSED, "FAILED": results.FAILED, "ignored": results.SKIPPED}
# What cargo and the test programs print if all is well.
SILENT = re.compile(r"^(running \d+ tests?|test result: ok\..*|\s*(Doc-tests|Finished|Compiling|Blocking) .*|)$")


def main() -> None:
    arguments = sys.argv[1:]
    recorder = results.Recorder("rust")
    crates = _crates(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    # The names of the test programs are on stderr: one pipe keeps the order.
    cargo = subprocess.Popen(
        [*CARGO, "--color", "never", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        totals = _follow(cargo, crates, recorder)
        cargo.wait()
    except BaseException:
        cargo.terminate()
        raise
    print(", ".join(f"{count} {outcome}" for outcome, count in sorted(totals.items())) or "no tests")
    sys.exit(cargo.returncode)


def _crates(arguments: list[str]) -> dict[str, str]:
    """The prefix of the names of the tests, by the file name of the test program. Builds the programs."""
    run = [*CARGO, *arguments, "--no-run", "--quiet", "--message-format", "json-render-diagnostics"]
    built = subprocess.run(run, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if built.returncode:
        raise SystemExit(f"`{' '.join(run)}` failed, see above")
    found = {}
    for message in map(json.loads, built.stdout.splitlines()):
        if message["reason"] == "compiler-artifact" and message.get("executable") and message["profile"]["test"]:
            found[Path(message["executable"]).name] = _prefix(message)
    return found


def _prefix(artifact: dict) -> str:
    target = artifact["target"]
    crate = Path(artifact["manifest_path"]).parent.name.replace("-", "_")  # house rule 2: the folder has its name
    return f"{crate}::{target['name']}" if target["kind"] == ["test"] else crate


def _follow(cargo: subprocess.Popen[str], crates: dict[str, str], recorder: results.Recorder) -> Counter[str]:
    totals: Counter[str] = Counter()
    prefix: str | None = None
    pending = ""  # a test whose line was interrupted by what it printed itself
    assert cargo.stdout
    for line in map(str.rstrip, cargo.stdout):
        if match := RUNNING.match(line):
            prefix = crates[Path(match[1]).name]
        elif line.lstrip().startswith("Doc-tests "):
            prefix = None
        elif (match := TEST.match(line)) or (pending and line in OUTCOMES):
            name, text = match.groups() if match else (pending, line)
            outcome = OUTCOMES.get(re.split(r"\W", text)[0])
            pending = "" if outcome else name
            if outcome:
                totals[outcome] += 1
                if prefix:
                    recorder.add(outcome, f"{prefix}::{name}")
            if outcome != results.PASSED:
                print(f"{prefix}::{name}: {text}", flush=True)
        elif not SILENT.match(line):
            print(line, flush=True)
    return totals


if __name__ == "__main__":
    main()
