"""policy-lint stands between plan and apply."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .. import accounts, emulator, paths
from ..terraform import Terraform

LINT = ("cargo", "run", "--quiet", "--locked", "-p", "policy-lint", "--", "check")


def lint(plan: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LINT, str(plan)], cwd=paths.ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def test_the_plan_passes(terraform: Terraform) -> None:
    """003.19: nothing in what was applied is broader than it has to be."""
    result = lint(terraform.plan_file())
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("narrow", "broad"),
    [('Action   = "s3:GetObjectVersion"', 'Action   = "s3:*"'), ('Action   = "dynamodb:PutItem"', 'Action   = "*"')],
    ids=["s3-star", "star"],
)
def test_a_planted_wildcard_is_stopped(
    stack: paths.Stack, running: emulator.Emulator, terraform: Terraform, narrow: str, broad: str
) -> None:
    """003.19: the same root module with one action made broad plans well, and is stopped before apply."""
    planted = Terraform(stack, running, accounts.load(stack)["deployer"], folder="planted")
    try:
        planted.init()
        page = planted.folder / "modules" / "ingest" / "policies.tf"
        text = page.read_text()
        assert narrow in text, "the statement to plant in has changed: choose another"
        page.write_text(text.replace(narrow, broad, 1))
        planted.plan()
        result = lint(planted.plan_file())
    finally:
        shutil.rmtree(planted.folder)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "module.ingest[0].module.function" in result.stdout
