"""What scripts/demo prints to be pasted, and how it shows that it is at work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .. import build, demo, emulator, paths, progress
from ..deployment import Deployment


@pytest.fixture
def welcome(stack: paths.Stack, running: emulator.Emulator, deployment: Deployment) -> Iterator[None]:
    """The stack as the demo leaves it with --keep."""
    build.binaries()
    before = stack.exports.read_text()
    demo.welcome(stack, running, deployment.outputs)
    yield
    stack.exports.write_text(before)


def paste(*lines: str) -> subprocess.CompletedProcess[str]:
    """Lines pasted into a new shell at the repository's root, whose user has nothing set."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e"],
        input="".join(f"{line}\n" for line in lines),
        cwd=paths.ROOT,
        env={"PATH": os.defpath, "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
    )


def test_the_three_lines_work_at_once(stack: paths.Stack, welcome: None) -> None:
    lines = demo.lines(stack)
    assert len(lines) == 3
    upload, outcome, quarantine = ("\n".join(paste(*lines[:count]).stdout.splitlines()) for count in (1, 2, 3))
    assert "try/4EVR-bare-list.json" in upload and "1 uploaded" in upload
    assert "invalid" in outcome and "/Features/L/0" in outcome
    assert re.search(r"^try/4EVR-bare-list\.json  \S+  invalid", quarantine, re.MULTILINE), quarantine


def test_the_environment_is_of_one_who_may_assume_the_roles(stack: paths.Stack, welcome: None) -> None:
    source = f"source {stack.exports.relative_to(paths.ROOT)}"
    for command in ("sluice status", "sluice quarantine list", "sluice verify --grace 0 || test $? = 1"):
        result = paste(source, command)
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
        assert "sts:AssumeRole" not in result.stderr


def test_a_silent_step_says_that_it_is_at_work(tmp_path: Path) -> None:
    """A step that says nothing until its input is closed, which happens once a sign of life was seen."""
    beside = tmp_path / "background"
    beside.write_text("building: 3 of 9 crates\n")
    silent = "import sys; print('begun'); sys.stdin.read(); sys.exit(3)"
    step = f"progress.run('a step', {[sys.executable, '-c', silent]!r}, Path({str(beside)!r}), silence=0.1)"
    code = f"import sys; from pathlib import Path; from e2e import progress; sys.exit({step})"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(paths.ROOT / "scripts")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if line.strip().startswith("..."):
            process.stdin.close()
    assert process.wait() == 3
    assert lines[:3] == ["", "== a step", "begun"]
    assert re.fullmatch(r"\.\.\. \d+ s: a step \(building: 3 of 9 crates\)", lines[3])


def test_the_table_adds_up() -> None:
    assert progress.table("plan\t10.0\napply it\t80.5\n").splitlines() == [
        "plan         10.0 s",
        "apply it     80.5 s",
        "together     90.5 s",
    ]


def test_the_build_says_how_far_it_is(tmp_path: Path) -> None:
    """Everything is built already: the last line names no crate that is left."""
    said: list[str] = []
    programs = build.compiled(said.append)
    assert {"ingest", "provenance", "ledger", "sluice", "policy-lint"} <= set(programs)
    for name in programs:
        assert (paths.BIN / name).resolve() == programs[name].resolve()
    found = re.fullmatch(r"building: (\d+) of (\d+) crates", said[-1])
    assert found and found[1] == found[2] and int(found[1]) > 200, said[-1]
