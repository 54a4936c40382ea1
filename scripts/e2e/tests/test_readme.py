"""README.md: its path "On AWS" runs line by line in a new clone, with the policies of docs/deploy."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
from pathlib import Path

import pytest

from .. import build, paths, readme
from .stacks.readme import PATH, ReadmePath

# Each line that the test does not run, with the reason that README.md gives.
NOT_RUN = [
    ("account", "aws sso login --profile sluice"),
    ("account", "export AWS_PROFILE=sluice"),
    ("person", '"${EDITOR:-vi}" terraform.tfvars'),
]
# Commands of the other sections that other tests run.
ELSEWHERE = {
    "scripts/demo": "CI runs it",
    "scripts/test": "it runs this test",
    "cargo install --locked --path policy-lint": "the hooks and the action build it",
}


@pytest.mark.slow
def test_the_path_on_aws_runs_line_by_line(readme_path: ReadmePath) -> None:
    """From a new clone to a stored item, as a user who only has the policies of docs/deploy."""
    assert readme_path.stored
    [bootstrapped] = [text for command, text in readme_path.printed.items() if command == "sluice bootstrap"]
    assert "backend.conf written" in bootstrapped
    [linted] = [text for command, text in readme_path.printed.items() if "policy-lint check -" in command]
    assert "error" not in linted


@pytest.mark.slow
def test_every_created_resource_is_covered_by_the_policies(readme_path: ReadmePath) -> None:
    """The policies name the resources of the deployment, although the emulator demands some actions on any resource."""
    documents = [json.loads(file.read_text()) for file in readme.POLICIES.glob("*.json")]
    named = [statement["Resource"] for document in documents for statement in document["Statement"]]
    patterns = [pattern for one in named for pattern in ([one] if isinstance(one, str) else one) if pattern != "*"]
    assert len(readme_path.arns) > 50
    assert [arn for arn in sorted(readme_path.arns) if not any(fnmatch.fnmatchcase(arn, one) for one in patterns)] == []


@pytest.mark.slow
def test_destroy_leaves_only_the_state_bucket(readme_path: ReadmePath) -> None:
    """Deletion protection and filled buckets included."""
    assert readme_path.remaining == []
    assert [name.partition("-eu-")[0] for name in readme_path.buckets] == ["sluice-tfstate"]


def test_only_these_lines_are_not_run() -> None:
    left = [line for line in PATH if not line.run]
    found = [(match[1], line.command) for line in left if (match := readme.NOT_RUN.search(line.text))]
    assert found == NOT_RUN


def test_the_blocks_of_the_other_sections_run() -> None:
    text = readme.README.read_text()
    assert readme.sections(text) == ["Two commands", "On AWS", "The linter alone"]
    others = [line for section in ("Two commands", "The linter alone") for line in readme.lines(text, section)]
    assert {line.command for line in others} >= set(ELSEWHERE), "remove from ELSEWHERE what README.md does not contain"
    programs = build.binaries()["policy-lint"].parent
    for line in others:
        if line.command not in ELSEWHERE:
            shell = f'PATH="{programs}:$PATH"; {line.text}'
            # `.` is the reader's own repository; here it is a folder of policies.
            completed = subprocess.run(["bash", "-c", shell], cwd=readme.POLICIES, capture_output=True, text=True)
            assert completed.returncode == 0, f"{line.text}\n{completed.stdout[-2000:]}{completed.stderr[-2000:]}"


def test_the_policies_of_docs_deploy_pass_the_linter() -> None:
    """They pass the same rules as all other policies, and fit into managed policies."""
    files = sorted(readme.POLICIES.glob("*.json"))
    assert [file.stem for file in files] == ["services", "storage", "upload-user"]
    command = [str(build.binaries()["policy-lint"]), "check", "--format", "json", *map(str, files)]
    completed = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert json.loads(completed.stdout)["summary"]["policies"] == 3


def test_the_policies_are_adapted_as_documented(tmp_path: Path) -> None:
    """docs/deploy.md: one command changes environment, region and account."""
    [expression] = re.findall(r"(?m)^ *(sed '[^']*') ", (paths.ROOT / "docs" / "deploy.md").read_text())
    for file in readme.POLICIES.glob("*.json"):
        adapted = tmp_path / file.name
        shell = f'{expression} "{file}" > "{adapted}"'
        subprocess.run(["bash", "-c", shell], check=True)
        text = adapted.read_text()
        assert "sluice-prod-" in text
        assert not re.search(r"sluice[-_]dev|dev\.tfstate|\"dev\"|eu-central-1|111122223333", text)
        command = [str(build.binaries()["policy-lint"]), "check", str(adapted)]
        completed = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True)
        assert completed.returncode == 0, completed.stdout + completed.stderr
