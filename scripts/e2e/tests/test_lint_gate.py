"""policy-lint stands between plan and apply."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from .. import accounts, build, emulator, paths
from ..terraform import Terraform

# Rule -> an action, and what is planted in its place.
PLANTED = {
    "service-wildcard": ('Action   = "s3:GetObjectVersion"', 'Action   = "s3:*"'),
    "wildcard-action": ('Action   = "dynamodb:PutItem"', 'Action   = "*"'),
}


def lint(plan: Path) -> subprocess.CompletedProcess[str]:
    command = [str(build.binaries()["policy-lint"]), "check", str(plan)]
    return subprocess.run(command, cwd=paths.ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def test_the_plan_passes(terraform: Terraform) -> None:
    """003.19: nothing in what was applied is broader than it has to be."""
    result = lint(terraform.plan_file())
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_planted_wildcard_is_stopped(stack: paths.Stack, running: emulator.Emulator, terraform: Terraform) -> None:
    """003.19: the same root module with two actions made broad plans well, and is stopped before apply by either."""
    planted = Terraform(stack, running, accounts.load(stack)["deployer"], folder="planted")
    try:
        planted.init()
        page = planted.folder / "modules" / "ingest" / "policies.tf"
        text = page.read_text()
        for narrow, broad in PLANTED.values():
            assert narrow in text, "the statement to plant in has changed: choose another"
            text = text.replace(narrow, broad, 1)
        page.write_text(text)
        planted.plan()
        result = lint(planted.plan_file())
    finally:
        shutil.rmtree(planted.folder)
    assert result.returncode == 1, result.stdout + result.stderr
    found = re.findall(r"(?s)^error\[([a-z-]+)\].*?= note: in `([^`]*)`", result.stdout, re.MULTILINE)
    place = 'module.ingest[0].module.function.module.role.aws_iam_role_policy.this["effects"]'
    assert sorted(found) == [(rule, place) for rule in sorted(PLANTED)], result.stdout
