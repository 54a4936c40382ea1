"""Every row of the first systems' documents is shown by something that runs, or told by a page."""

from __future__ import annotations

import re
import subprocess

import pytest

from ..paths import ROOT

ROWS = [*(f"001.{row}" for row in range(1, 18)), *(f"003.{row}" for row in range(1, 26))]
PAGE = ROOT / "docs" / "provenance.md"
# Prefixes of object keys that docs/requirements.md names.
PREFIXES = {"incoming/", "processed/", "test/", "provenance/"}


def sources() -> dict[str, str]:
    """Tests, modules and pages of the checkout, by path."""
    folders = ["lambdas", "scripts", "terraform", "docs"]
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    wanted = (".rs", ".py", ".hcl", ".tf", ".md", ".sql")
    return {
        name: (ROOT / name).read_text()
        for name in listed
        if name.endswith(wanted) and "test_rows" not in name and (ROOT / name).is_file()
    }


@pytest.fixture(scope="module")
def everything() -> str:
    return "\n".join(sources().values())


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_its_place(row: str, everything: str) -> None:
    """A range such as `003.1 to 003.3` names what lies between, too."""
    system, number = row.split(".")
    ranges = re.findall(rf"\b{system}\.(\d+) to {system}\.(\d+)\b", everything)
    named = re.search(rf"\b{system}\.{number}\b", everything)
    assert named or any(int(first) <= int(number) <= int(last) for first, last in ranges)


def test_what_is_shown_is_there(everything: str) -> None:
    """The tests that the page names for each error of the first pipeline exist."""
    table = PAGE.read_text().partition("## Design decisions")[2]
    names = re.findall(r"`(\w+)`", "\n".join(line.rpartition(" | ")[2] for line in table.splitlines()))
    assert len(names) >= 8
    for name in names:
        assert re.search(rf"\b(fn|def) {name}\(", everything), name


def test_the_files_that_meet_a_requirement_exist() -> None:
    """docs/requirements.md: every path it names is in the repository."""
    paths = re.findall(r"`([\w.-]+/[\w./-]+)`", (ROOT / "docs" / "requirements.md").read_text())
    paths = [path for path in paths if path not in PREFIXES]
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_three_drawings() -> None:
    """001.17: architecture, the upload test's flow, the receipt's flow."""
    text = PAGE.read_text()
    assert len(re.findall(r"^```mermaid$", text, re.MULTILINE)) == 3
