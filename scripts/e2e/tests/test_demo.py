"""The commands that scripts/demo prints, and its progress messages."""

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
    """The state in which the demo leaves the stack with --keep."""
    build.binaries()
    before = stack.exports.read_text()
    demo.welcome(stack, running, deployment.outputs)
    yield
    stack.exports.write_text(before)


def paste(*lines: str) -> subprocess.CompletedProcess[str]:
    """Runs lines in a new shell at the root of the repository, with an empty environment."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e"],
        input="".join(f"{line}\n" for line in lines),
        cwd=paths.ROOT,
        env={"PATH": os.defpath, "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
    )


def test_the_three_commands_work(stack: paths.Stack, welcome: None) -> None:
    lines = demo.lines(stack)
    assert len(lines) == 3
    upload, outcome, quarantine = ("\n".join(paste(*lines[:count]).stdout.splitlines()) for count in (1, 2, 3))
    assert "try/4EVR-bare-list.json" in upload
    assert "invalid" in outcome and "/Features/L/0" in outcome
    assert re.search(r"^try/4EVR-bare-list\.json .* invalid", quarantine, re.MULTILINE), quarantine


def test_the_environment_is_that_of_a_user_who_can_assume_the_roles(stack: paths.Stack, welcome: None) -> None:
    source = f"source {stack.exports.relative_to(paths.ROOT)}"
    for command in ("sluice status", "sluice quarantine list", "sluice verify --grace 0 || test $? = 1"):
        result = paste(source, command)
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
        assert "sts:AssumeRole" not in result.stderr


def test_a_silent_step_shows_progress(tmp_path: Path) -> None:
    """The step prints nothing until its input is closed, which happens after the first progress message."""
    background = tmp_path / "background"
    background.write_text("building: 3 of 9 crates\n")
    silent = "import sys; print('begun'); sys.stdin.read(); sys.exit(3)"
    step = f"progress.run('a step', {[sys.executable, '-c', silent]!r}, Path({str(background)!r}), silence_s=0.1)"
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


def test_the_table_has_the_sum() -> None:
    assert progress.table("plan\t10.0\napply it\t80.5\n").splitlines() == [
        "plan         10.0 s",
        "apply it     80.5 s",
        "total        90.5 s",
    ]


def test_the_build_shows_its_progress(tmp_path: Path) -> None:
    """Everything is built already: in the last message, no crate is left."""
    messages: list[str] = []
    programs = build.compiled(messages.append)
    assert {"ingest", "provenance", "ledger", "sluice", "policy-lint"} <= set(programs)
    for name in programs:
        assert (paths.BIN / name).resolve() == programs[name].resolve()
    found = re.fullmatch(r"building: (\d+) of (\d+) crates", messages[-1])
    assert found and found[1] == found[2] and int(found[1]) > 200, messages[-1]
