"""The hooks of this repository, and those that it offers, run in the pinned version of pre-commit."""

import os
import subprocess
import sys
from pathlib import Path

from e2e.paths import ROOT


def test_hooks_run_in_the_pinned_pre_commit() -> None:
    program = Path(sys.executable).with_name("pre-commit")
    assert program.exists(), "scripts/local/venv installs it"
    # The whole workspace, as scripts/test compiles it: with only policy-lint, dependencies would have other features.
    command = ["cargo", "test", "--locked", "--quiet", "--workspace", "--test", "hooks", "--", "--nocapture"]
    completed = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PRE_COMMIT": str(program)}, capture_output=True, text=True
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "SKIPPED" not in completed.stderr, completed.stderr
