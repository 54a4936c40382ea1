"""The hooks, ours and those that others use, in the pinned pre-commit program."""

import os
import subprocess
import sys
from pathlib import Path

from e2e.paths import ROOT


def test_hooks_run_in_the_pinned_pre_commit() -> None:
    program = Path(sys.executable).with_name("pre-commit")
    assert program.exists(), "scripts/local/venv installs it"
    # Of the whole workspace, as scripts/test compiles it: of policy-lint alone, dependencies have other features.
    command = ["cargo", "test", "--locked", "--quiet", "--workspace", "--test", "hooks", "--", "--nocapture"]
    run = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PRE_COMMIT": str(program)}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "SKIPPED" not in run.stderr, run.stderr
