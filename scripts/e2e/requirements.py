"""The rows of docs/requirements.md, and whether their tests have run: `python -m e2e.requirements`.

The last step of scripts/test: each test that a row names must exist, and must have run and passed in this run. Exits 1
if one did not, and 77 (skipped) if the only problem is that a step was skipped because a tool is missing. Standard
library only.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import results
from .paths import LOCAL, ROOT

PAGE = ROOT / "docs" / "requirements.md"
PYTEST_FOLDER = ROOT / "scripts" / "e2e" / "tests"
TERRAFORM_FOLDER = ROOT / "terraform" / "tests"
SKIPPED = 77


@dataclass(frozen=True)
class Row:
    id: str
    requirement: str
    met_by: str
    tests: list[str]


def rows() -> dict[str, Row]:
    return parse(PAGE.read_text())


def parse(page: str) -> dict[str, Row]:
    """The rows of all tables, by id."""
    found = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 4 and re.fullmatch(r"\d{3}\.\d+", cells[0]):
            row = Row(*cells[:3], re.findall(r"`([^`]+::[^`]+)`", cells[3]))
            if row.id in found:
                raise SystemExit(f"{PAGE.name} has two rows `{row.id}`: give one another id")
            found[row.id] = row
    return found


def exists(test: str) -> bool:
    """Whether the source has a test with this name. For Rust, the module is only checked by the run."""
    file, _, name = test.partition("::")
    match results.kind_of(test):
        case "pytest":
            return _has(PYTEST_FOLDER / file, rf"^def {re.escape(name.partition('[')[0])}\(")
        case "terraform":
            return _has(TERRAFORM_FOLDER / file, rf'^run "{re.escape(name)}"')
        case _:
            pattern = rf"\bfn {re.escape(name.rpartition('::')[2])}\("
            folder = crate_folder(test)
            return folder is not None and any(_has(source, pattern) for source in folder.rglob("*.rs"))


def crate_folder(test: str) -> Path | None:
    """The folder of the crate of a Rust test."""
    crate = test.partition("::")[0]
    folders = [path.parent for pattern in ("*/Cargo.toml", "*/*/Cargo.toml") for path in ROOT.glob(pattern)]
    return next((folder for folder in folders if folder.name.replace("-", "_") == crate), None)


def _has(file: Path, pattern: str) -> bool:
    return file.is_file() and re.search(pattern, file.read_text(), re.MULTILINE) is not None


@dataclass(frozen=True)
class Problem:
    row: str
    test: str
    text: str
    is_skip: bool = False

    def __str__(self) -> str:
        return f"{self.row}: `{self.test}` {self.text}"


def problems(found: dict[str, Row], outcomes: dict[str, results.Outcomes | None]) -> Iterator[Problem]:
    """What is wrong with the tests of the rows; `outcomes` is by kind of test."""
    for row in found.values():
        if not row.tests:
            yield Problem(row.id, "", "names no test")
        for test in row.tests:
            of_kind = outcomes[results.kind_of(test)]
            if not exists(test):
                yield Problem(row.id, test, "does not exist: was it renamed or deleted?")
            elif of_kind is None:
                yield Problem(row.id, test, "not run: a tool is missing", is_skip=True)
            elif text := _problem(test, of_kind):
                yield Problem(row.id, test, text)


def _problem(test: str, outcomes: results.Outcomes) -> str | None:
    """A test with parameters has passed if it has with each of them, unless the row names one."""
    cases = {name: outcome for name, outcome in outcomes.items() if name == test or name.startswith(f"{test}[")}
    if not cases:
        return "did not run: name a test that every run of scripts/test includes"
    bad = next(((name, outcome) for name, outcome in cases.items() if outcome != results.PASSED), None)
    return f"has not passed: {bad[1]} ({bad[0]})" if bad else None


def main() -> None:
    folder = Path(os.environ.get(results.VARIABLE) or LOCAL / "results")
    found = rows()
    listed = list(problems(found, {kind: results.read(folder, kind) for kind in results.KINDS}))
    for problem in listed:
        print(problem, file=sys.stderr)
    wrong = {problem.row for problem in listed}
    print(f"{len(found) - len(wrong)} of {len(found)} requirements have tests that ran and passed in this run")
    sys.exit(0 if not listed else SKIPPED if all(problem.is_skip for problem in listed) else 1)


if __name__ == "__main__":
    main()
