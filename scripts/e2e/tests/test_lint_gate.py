"""policy-lint checks the plan before it is applied."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from .. import accounts, build, emulator, paths
from ..terraform import Terraform

# By rule: an action of the module, and the broad action that replaces it.
REPLACED = {
    "service-wildcard": ('Action = "s3:GetObjectVersion"', 'Action = "s3:*"'),
    "wildcard-action": ('Action = "dynamodb:PutItem"', 'Action = "*"'),
}


def lint(plan: Path) -> subprocess.CompletedProcess[str]:
    command = [str(build.binaries()["policy-lint"]), "check", "--format", "json", str(plan)]
    return subprocess.run(command, cwd=paths.ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def test_the_plan_passes(terraform: Terraform) -> None:
    """No permission in the plan is too broad."""
    result = lint(terraform.plan_file())
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_wildcard_in_the_plan_is_found(stack: paths.Stack, running: emulator.Emulator, terraform: Terraform) -> None:
    """The root module with two broad actions can be planned, and policy-lint reports both."""
    changed = Terraform(stack, running, accounts.load(stack)["deployer"], folder="changed")
    try:
        changed.init()
        file = changed.folder / "modules" / "ingest" / "iam.tf"
        text = file.read_text()
        for narrow, broad in REPLACED.values():
            assert narrow in text, "the statement in iam.tf has changed: choose another one"
            text = text.replace(narrow, broad, 1)
        file.write_text(text)
        changed.plan()
        result = lint(changed.plan_file())
    finally:
        shutil.rmtree(changed.folder)
    assert result.returncode == 1, result.stdout + result.stderr
    findings = json.loads(result.stdout)["findings"]
    found = [(finding["rule"], finding["address"]) for finding in findings if finding["severity"] == "error"]
    address = 'module.deployment.module.ingest[0].module.function.module.role.aws_iam_role_policy.this["effects"]'
    assert sorted(found) == [(rule, address) for rule in sorted(REPLACED)], result.stdout
