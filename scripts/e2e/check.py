"""`terraform validate` and `terraform test` on a copy of the root module, with mocked providers and no backend."""

from __future__ import annotations

import os
import shutil
import subprocess

from .paths import LOCAL, ROOT
from .terraform import cli_config, left_out

FOLDER = LOCAL / "check"


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    # The copy keeps the depth, so that relative paths to the repository's other files stay right.
    module = FOLDER / "terraform"
    shutil.copytree(ROOT / "terraform", module, ignore=left_out)
    for sibling in ("docs", "lambdas", "dist"):
        if (ROOT / sibling).exists():
            (FOLDER / sibling).symlink_to(ROOT / sibling)
    config = FOLDER / "terraformrc"
    config.write_text(cli_config())
    # No credentials are needed, and none of the caller's are seen.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))} | {
        "TF_CLI_CONFIG_FILE": str(config),
        "TF_IN_AUTOMATION": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for arguments in (("init", "-input=false", "-backend=false"), ("validate",), ("test",)):
        command = ["terraform", f"-chdir={module}", *arguments, "-no-color"]
        result = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if result.returncode:
            raise SystemExit(f"terraform {arguments[0]} failed:\n{result.stdout}{result.stderr}")
        print(result.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
