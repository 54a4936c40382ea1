"""Plans of the root module without credentials and without a backend."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .paths import ROOT
from .terraform import BACKEND, QUICK, cli_config, left_out

ACCOUNT = "111122223333"
REGION = "eu-central-1"


class RefusedError(Exception):
    """Terraform refuses to plan; the text is without line breaks and frames."""


class RootModule:
    """A copy of the root module, initialised once for several plans."""

    def __init__(self, folder: Path) -> None:
        self._module = folder / "terraform"
        shutil.copytree(ROOT / "terraform", self._module, ignore=left_out)
        (self._module / "backend_override.tf").write_text(BACKEND)
        config = folder / "terraformrc"
        config.write_text(cli_config())
        # AWS is not called, and the caller's credentials are not passed on.
        self._env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))} | {
            "TF_CLI_CONFIG_FILE": str(config),
            "TF_IN_AUTOMATION": "true",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **QUICK,
        }
        archive = self._module / "package.zip"
        archive.write_bytes(b"a package")
        package = {"path": archive.name, "sha256": hashlib.sha256(archive.read_bytes()).hexdigest()}
        self._variables = {
            "environment": "dev",
            "region": REGION,
            "account_id": ACCOUNT,
            "lambda_packages": dict.fromkeys(("ingest", "provenance", "ledger"), package),
        }
        self._run("init", "-input=false")

    def plan(self, **variables: Any) -> dict[str, Any]:
        """The plan with these variables, as JSON."""
        (self._module / "plan.auto.tfvars.json").write_text(json.dumps(self._variables | variables))
        self._run("plan", "-input=false", "-out=tfplan")
        return json.loads(self._run("show", "-json", "tfplan"))

    def _run(self, verb: str, *arguments: str) -> str:
        colour = [] if verb == "show" else ["-no-color"]
        command = ["terraform", f"-chdir={self._module}", verb, *colour, *arguments]
        result = subprocess.run(command, env=self._env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if result.returncode:
            raise RefusedError(" ".join(result.stderr.replace("│", " ").split()))
        return result.stdout


def resources(plan: dict[str, Any], kind: str, module: str = "") -> list[dict[str, Any]]:
    """The planned attributes of the resources of one kind in a module, such as `module.ingest`."""
    found = _resources(plan["planned_values"]["root_module"])
    return [entry["values"] for entry in found if entry["type"] == kind and module in entry["address"]]


def statements(policy: str) -> list[dict[str, Any]]:
    return json.loads(policy)["Statement"]


def _resources(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _resources(child)
