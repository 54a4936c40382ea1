"""Terraform without credentials and backend, on a copy of the configuration.

Terraform would start the provider for every command and every `run` block, which takes most of the time: one provider
process serves them all instead.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import processes
from .package import VARIABLES
from .paths import ROOT
from .terraform import QUICK, cli_config, left_out

TIMEOUT_S = 120.0
_PROVIDERS = 'terraform {\n  required_providers {\n    aws = {\n      source = "hashicorp/aws"\n    }\n  }\n}\n'
ACCOUNT = "111122223333"
REGION = "eu-central-1"


class Offline:
    """A folder with a copy of `terraform/`, and commands that run on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "terraform"
        self.groups = folder / "groups"
        # No credentials are needed, and the caller's are not passed on.
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))} | {
            "TF_CLI_CONFIG_FILE": str(folder / "terraformrc"),
            "TF_IN_AUTOMATION": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **QUICK,
        }

    def copy(self) -> None:
        """Replaces the folder by a new copy, in which relative paths to other folders of the repository are valid."""
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(ROOT / "terraform", self.root, ignore=left_out)
        for sibling in ("docs", "lambdas"):
            (self.folder / sibling).symlink_to(ROOT / sibling)
        self._write_packages()
        (self.folder / "terraformrc").write_text(cli_config())

    def _write_packages(self) -> None:
        """A file for every package of the examples, so that nothing needs to be built."""
        (self.folder / "dist").mkdir()
        content = b"not a package"
        package = {"path": "package.zip", "sha256": hashlib.sha256(content).hexdigest(), "architecture": "x86_64"}
        packages = dict.fromkeys(("ingest", "provenance", "ledger"), package)
        (self.folder / "dist" / "package.zip").write_bytes(content)
        (self.folder / "dist" / VARIABLES).write_text(json.dumps({"lambda_packages": packages}))

    def run(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return processes.run(["terraform", f"-chdir={folder}", *arguments], self.env, self.groups)

    def checked(self, folder: Path, *arguments: str) -> str:
        result = self.run(folder, *arguments, "-no-color")
        if result.returncode:
            raise SystemExit(f"terraform {arguments[0]} in {folder} failed:\n{result.stdout}{result.stderr}")
        return result.stdout

    @contextmanager
    def provider(self) -> Iterator[None]:
        """Runs the provider; `init` in any folder then needs no provider, and every command uses the running one."""
        installed = self.folder / "provider"
        installed.mkdir()
        (installed / "main.tf").write_text(_PROVIDERS)
        self.checked(installed, "init", "-input=false")
        [program] = installed.glob(
            ".terraform/providers/registry.terraform.io/hashicorp/aws/*/*/terraform-provider-aws*"
        )
        log = self.folder / "provider.log"
        silent = dict.fromkeys(("TF_LOG_SDK", "TF_LOG_SDK_PROTO", "TF_LOG_PROVIDER"), "OFF")
        group = processes.start([str(program), "-debug"], self.env | silent, log, self.folder)
        with self.groups.open("a") as notes:
            notes.write(f"{group}\n")
        before = self.env
        try:
            deadline = time.monotonic() + TIMEOUT_S
            while not (match := re.search(r"(TF_REATTACH_PROVIDERS)='(.*)'", log.read_text())):
                if time.monotonic() > deadline or group not in processes.ours(group, self.folder):
                    raise SystemExit(f"the provider did not start:\n{log.read_text()}")
                time.sleep(0.1)
            self.env = before | {match[1]: match[2]}
            yield
        finally:
            self.env = before
            processes.end(group, self.folder)

    def plan(self, name: str, modules: dict[str, dict], more: str = "", provider: str = REGION) -> Planned:
        """Plans a configuration with module calls, with the AWS provider of a Region, or without if it is empty.

        A `source` is relative to `terraform/modules/`. A string in an argument can contain references, as everywhere in
        Terraform's JSON syntax. `more` is HCL.
        """
        folder = self.root / "plans" / name
        folder.mkdir(parents=True)
        aws = {
            "region": provider,
            "access_key": "none",
            "secret_key": "none",
            "skip_credentials_validation": True,
            "skip_requesting_account_id": True,
            "skip_metadata_api_check": True,
            "skip_region_validation": True,
        }
        calls = {key: call | {"source": f"../../modules/{call['source']}"} for key, call in modules.items()}
        main = ({"module": calls} if calls else {}) | ({"provider": {"aws": aws}} if provider else {})
        (folder / "main.tf.json").write_text(json.dumps(main))
        (folder / "more.tf").write_text((_PROVIDERS if provider else "") + more)
        self.checked(folder, "init", "-input=false")
        return Planned(self, folder, self.run(folder, "plan", "-json", "-input=false", "-out=plan.tfplan").stdout)

    def end(self) -> None:
        """Ends the processes that a killed run has left."""
        for group in self.groups.read_text().split() if self.groups.exists() else []:
            processes.end(int(group), self.folder)


class Planned:
    """The result of a plan."""

    def __init__(self, offline: Offline, folder: Path, output: str) -> None:
        self._offline = offline
        self._folder = folder
        lines = [json.loads(line) for line in output.splitlines()]
        self._diagnostics = [line["diagnostic"] for line in lines if "diagnostic" in line]

    def errors(self) -> list[str]:
        return self._texts("error")

    def warnings(self) -> list[str]:
        return self._texts("warning")

    def show(self) -> dict:
        """The plan as JSON."""
        return json.loads(self._offline.checked(self._folder, "show", "-json", "plan.tfplan"))

    def _texts(self, severity: str) -> list[str]:
        return [found["detail"] or found["summary"] for found in self._diagnostics if found["severity"] == severity]
