"""What ran in this run of scripts/test: one file per kind of test, one line `OUTCOME NAME` per test.

scripts/test sets `SLUICE_RESULTS` to an empty folder; without it, nothing is recorded. Standard library only.

Names: `test_x.py::test_name[parameter]` for pytest, `crate::module::test` for Rust (`crate::file::test` for a file in
`tests/`), `file.tftest.hcl::run` for Terraform.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "SLUICE_RESULTS"
KINDS = ("rust", "terraform", "pytest")
# `error`: a fixture or a command failed before the test itself.
PASSED, FAILED, SKIPPED, ERROR = "passed", "failed", "skipped", "error"

Outcomes = dict[str, str]


class Recorder:
    """Appends the outcomes of one kind of test. The file exists from the beginning: a step without it did not run."""

    def __init__(self, kind: str) -> None:
        folder = os.environ.get(VARIABLE)
        self._file = _file(Path(folder), kind) if folder else None
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch()

    def add(self, outcome: str, name: str) -> None:
        if self._file:
            with self._file.open("a") as file:
                file.write(f"{outcome} {name}\n")


def read(folder: Path, kind: str) -> Outcomes | None:
    """The outcome by name of test; None if no step of this kind has begun."""
    file = _file(folder, kind)
    if not file.exists():
        return None
    return {name: outcome for outcome, _, name in (line.partition(" ") for line in file.read_text().splitlines())}


def kind_of(name: str) -> str:
    file = name.partition("::")[0]
    return "pytest" if file.endswith(".py") else "terraform" if file.endswith(".tftest.hcl") else "rust"


def _file(folder: Path, kind: str) -> Path:
    return folder / f"{kind}.txt"
