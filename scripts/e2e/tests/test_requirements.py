"""docs/requirements.md: each row is complete, and what it names exists. requirements.py checks that it has run."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from .. import check, mutate, mutations, requirements, results
from ..mutations import Mutation
from ..paths import ROOT
from ..requirements import Row

PROVENANCE = ROOT / "docs" / "provenance.md"
IDS = [*(f"001.{number}" for number in range(1, 18)), *(f"003.{number}" for number in range(1, 26))]
# Prefixes of object keys, which look like paths.
KEY_PREFIXES = {"incoming/", "processed/", "test/", "provenance/"}
# Documents: all others need what runs, not a page alone.
DOCUMENTS = {"001.17", "003.25"}
ROW = Row("003.1", "", "", ["test_requirements.py::test_the_rows_are_complete", "ingest::outcomes::an_unknown_test"])


@pytest.fixture(scope="module")
def sources() -> str:
    """The text of all tests."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.rs", "*.py"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return "\n".join((ROOT / name).read_text() for name in listed if (ROOT / name).is_file())


def test_the_rows_are_complete() -> None:
    rows = requirements.rows()
    assert list(rows) == IDS
    for row in rows.values():
        assert row.requirement and row.met_by and row.tests, row.id
        assert row.id in DOCUMENTS or re.search(r"`[^`]+`", re.sub(r"\[.*?\]\(.*?\)", "", row.met_by)), row.id


@pytest.mark.parametrize("requirement", IDS)
def test_the_tests_of_a_row_exist(requirement: str) -> None:
    tests = requirements.rows()[requirement].tests
    assert [test for test in tests if not requirements.exists(test)] == []


def test_the_paths_exist() -> None:
    text = requirements.PAGE.read_text()
    paths = [path for path in re.findall(r"`([\w.-]+/[\w./-]+)`", text) if path not in KEY_PREFIXES]
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("requirement", IDS)
def test_each_row_has_a_mutation_that_can_be_applied(requirement: str) -> None:
    tests = requirements.rows()[requirement].tests
    found = [mutation for mutation in mutations.load() if mutation.row == requirement]
    assert found
    for mutation in found:
        assert mutation.old != mutation.new and mutation.removes
        assert (ROOT / mutation.file).read_text().count(mutation.old) == 1, mutation.file
        assert mutation.test in tests


def problems_of(*rows: Row, **outcomes: results.Outcomes | None) -> list[str]:
    kinds = dict.fromkeys(results.KINDS) | outcomes
    return [str(problem) for problem in requirements.problems({row.id: row for row in rows}, kinds)]


def test_a_row_fails_if_a_test_did_not_run_or_pass() -> None:
    test = ROW.tests[0]
    row = replace(ROW, tests=[test])
    assert problems_of(row, pytest={test: "passed"}) == []
    assert problems_of(row, pytest={f"{test}[a]": "passed", f"{test}[b]": "passed"}) == []
    assert problems_of(row, pytest={f"{test}[a]": "passed", f"{test}[b]": "failed"}) == [
        f"003.1: `{test}` has not passed: failed ({test}[b])"
    ]
    assert problems_of(row, pytest={test: "skipped"}) == [f"003.1: `{test}` has not passed: skipped ({test})"]
    assert "did not run" in problems_of(row, pytest={f"{test}_2": "passed"})[0]
    assert "names no test" in problems_of(replace(ROW, tests=[]))[0]
    assert "does not exist" in problems_of(replace(ROW, tests=ROW.tests[1:]))[0]


def test_a_row_is_skipped_if_a_tool_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv(results.VARIABLE, str(tmp_path))
    row = replace(ROW, tests=ROW.tests[:1])
    monkeypatch.setattr(requirements, "rows", lambda: {row.id: row})
    for expected, recorded in ((77, None), (1, "failed"), (0, "passed")):
        if recorded:
            (tmp_path / "pytest.txt").write_text(f"{recorded} {row.tests[0]}\n")
        with pytest.raises(SystemExit) as exit_:
            requirements.main()
        assert exit_.value.code == expected
    output = capsys.readouterr()
    assert f"003.1: `{row.tests[0]}` not run: a tool is missing" in output.err
    assert output.out.splitlines()[0] == "0 of 1 requirements have tests that ran and passed in this run"


def test_the_runs_of_terraform_are_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(results.VARIABLE, str(tmp_path))
    blocks = [f'  run "{name}"... {end}\n' for name, end in (("one", "pass"), ("two", "fail"), ("three", "skip"))]
    output = "".join(["tests/a.tftest.hcl... in progress\n", *blocks[:2], "\nError: x\n", blocks[2]])
    check.record(output, results.Recorder("terraform"))
    assert results.read(tmp_path, "terraform") == {
        "a.tftest.hcl::one": "passed",
        "a.tftest.hcl::two": "failed",
        "a.tftest.hcl::three": "skipped",
    }
    assert results.read(tmp_path, "rust") is None


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        (["Test assertion failed"], True),
        (["Missing expected failure", "Test assertion failed"], True),
        (["Invalid function argument"], False),
        (["Test assertion failed", "Reference to undeclared resource"], False),
        ([], False),
    ],
)
def test_a_mutation_has_to_fail_an_assertion(errors: list[str], expected: bool) -> None:
    text = "".join(f"\nError: {error}\n\n  on main.tf line 1:\n" for error in errors)
    text += '\nError: Invalid reference\n\n  on tests/a.tftest.hcl line 1, in run "three":\n'
    output = f'  run "one"... pass\n  run "two"... fail\n\nFailure! 1 passed, 1 failed.\n{text}'
    assert mutate.fails_in_assertions("a.tftest.hcl::two", output) is expected


def test_the_program_of_a_rust_test() -> None:
    assert mutate.rust_target("ingest::outcomes::a") == (("--test", "outcomes"), "a")
    assert mutate.rust_target("ingest::dynamodb_json::tests::a") == (("--lib",), "dynamodb_json::tests::a")
    assert mutate.rust_target("sluice::cli::tests::a") == (("--bin", "sluice"), "cli::tests::a")
    assert mutate.rust_target("lambda_support::batch::a") == (("--test", "batch"), "a")


def test_mutations_are_in_the_order_of_the_rows() -> None:
    found: list[Mutation] = mutations.load()
    assert [mutation.row for mutation in found] == sorted((m.row for m in found), key=IDS.index)


def test_settings_of_a_deployment_are_not_committed() -> None:
    """git ignores the files of a user, and the examples of both are committed."""
    own = ["backend.conf", "terraform.tfvars", "staging.tfvars", "terraform/terraform.tfstate"]
    examples = ["backend.conf.example", "terraform.tfvars.example"]
    command = ["git", "check-ignore", "--no-index", *own, *examples]
    ignored = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    assert ignored == own
    assert all((ROOT / name).is_file() for name in examples)


def test_the_tests_of_each_design_decision_exist(sources: str) -> None:
    table = PROVENANCE.read_text().partition("## Design decisions")[2]
    names = re.findall(r"`(\w+)`", "\n".join(line.rpartition(" | ")[2] for line in table.splitlines()))
    assert len(names) >= 8
    assert [name for name in names if not re.search(rf"\b(fn|def) {name}\(", sources)] == []


def test_provenance_has_three_diagrams() -> None:
    """The architecture, the flow of an upload and the flow of a receipt."""
    assert len(re.findall(r"^```mermaid$", PROVENANCE.read_text(), re.MULTILINE)) == 3
