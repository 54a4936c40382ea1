"""docs/requirements.md: every requirement is listed, and what meets it exists."""

from __future__ import annotations

import re
import subprocess

import pytest

from ..paths import ROOT

REQUIREMENTS = ROOT / "docs" / "requirements.md"
PROVENANCE = ROOT / "docs" / "provenance.md"
IDS = [*(f"001.{number}" for number in range(1, 18)), *(f"003.{number}" for number in range(1, 26))]
# Prefixes of object keys, which look like paths.
KEY_PREFIXES = {"incoming/", "processed/", "test/", "provenance/"}


def rows() -> dict[str, tuple[str, str]]:
    """The requirement and what meets it, by id."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in REQUIREMENTS.read_text().splitlines()]
    return {row[0]: (row[1], row[2]) for row in cells if len(row) == 3}


@pytest.fixture(scope="module")
def sources() -> str:
    """The text of all tests."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.rs", "*.py"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return "\n".join((ROOT / name).read_text() for name in listed if (ROOT / name).is_file())


@pytest.mark.parametrize("requirement", IDS)
def test_each_requirement_is_met(requirement: str) -> None:
    text, met_by = rows()[requirement]
    assert text and met_by


def test_the_paths_exist() -> None:
    paths = [path for path in re.findall(r"`([\w.-]+/[\w./-]+)`", REQUIREMENTS.read_text()) if path not in KEY_PREFIXES]
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_tests_of_each_design_decision_exist(sources: str) -> None:
    table = PROVENANCE.read_text().partition("## Design decisions")[2]
    names = re.findall(r"`(\w+)`", "\n".join(line.rpartition(" | ")[2] for line in table.splitlines()))
    assert len(names) >= 8
    assert [name for name in names if not re.search(rf"\b(fn|def) {name}\(", sources)] == []


def test_provenance_has_three_diagrams() -> None:
    """The architecture, the flow of an upload and the flow of a receipt."""
    assert len(re.findall(r"^```mermaid$", PROVENANCE.read_text(), re.MULTILINE)) == 3
