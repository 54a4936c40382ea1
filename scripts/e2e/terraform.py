"""Terraform on one stack: a copy of the root module, with a local state and the variables of the stack.

The copy separates the backend, variables and state of the user from those of the run.
"""

from __future__ import annotations

import fnmatch
import json
import os
import platform
import shutil
import threading
from pathlib import Path

from . import environment, processes
from .accounts import Credentials
from .emulator import Emulator
from .package import VARIABLES
from .paths import LOCAL_DIST, ROOT, Stack

# The provider mostly waits until AWS is consistent, for some resource types a minute.
PARALLELISM = "-parallelism=64"
# The architecture of this machine, where the emulator runs the functions.
ARCHITECTURE = "arm64" if platform.machine() == "aarch64" else "x86_64"
# Less garbage collection: Terraform and the provider keep the schemas of all resources in memory.
QUICK = {"GOGC": "400"}
BACKEND = 'terraform {\n  backend "local" {}\n}\n'
BACKEND_FILE = "backend_override.tf"
VARIABLES_FILE = "stack.auto.tfvars.json"
# What an upgrade keeps in the working folder; the lock file comes with the configuration.
KEPT = (".terraform", BACKEND_FILE, VARIABLES_FILE, "terraform.tfstate", "terraform.tfstate.backup")
ROOT_MODULE = ROOT / "terraform"
# In the copy of the root module, in which Terraform runs.
SCHEMA_FILE = "examples/eventpulse/music-item.schema.json"
_copying_packages = threading.Lock()


class Terraform:
    def __init__(
        self,
        stack: Stack,
        emulator: Emulator,
        keys: Credentials,
        folder: str = "terraform",
        **changes: object,
    ) -> None:
        """`changes` are values of variables; a dict changes attributes of a system, and None disables the system."""
        self.folder = stack.folder / folder
        self.stack = stack
        self._env = environment.tool(stack, emulator, keys) | {
            "TF_CLI_CONFIG_FILE": str(stack.folder / "terraformrc"),
            "TF_IN_AUTOMATION": "true",
            "TF_INPUT": "false",
            "CHECKPOINT_DISABLE": "true",
            **QUICK,
        }
        self._variables = changed(variables(stack, emulator), changes)
        self._arguments = [f"-var-file=../dist/{VARIABLES}"]
        self._log = stack.terraform_log

    def init(self, source: Path = ROOT_MODULE) -> None:
        """Copies the root module, or the one in the folder `source`, and initialises it."""
        copy_module(self.folder, self.stack, source)
        (self.folder / BACKEND_FILE).write_text(BACKEND)
        self._write_variables()
        self._run("init", "-backend=true")

    def upgrade(self, **changes: object) -> None:
        """Replaces the configuration by the root module, as a new version is checked out: the state is kept, and the
        variables are those before with `changes`."""
        for entry in self.folder.iterdir():
            if entry.name not in KEPT:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        shutil.copytree(ROOT_MODULE, self.folder, ignore=left_out, dirs_exist_ok=True)
        self._variables = changed(self._variables, changes)
        self._write_variables()
        self._run("init", "-backend=true")

    def plan(self, name: str = "plan") -> dict:
        """Writes NAME.tfplan and NAME.json; returns the latter. The packages must have been built."""
        copy_packages(self.stack)
        self._run("plan", *self._arguments, f"-out={name}.tfplan")
        text = self._run("show", "-json", f"{name}.tfplan", quiet=True)
        self.plan_file(name).write_text(text)
        return json.loads(text)

    def plan_file(self, name: str = "plan") -> Path:
        return self.folder / f"{name}.json"

    def apply(self, name: str = "plan") -> None:
        """Applies the saved plan NAME."""
        self._run("apply", PARALLELISM, f"{name}.tfplan")

    def destroy(self) -> None:
        self._run("apply", PARALLELISM, "-destroy", "-auto-approve", *self._arguments)

    def outputs(self) -> dict:
        text = self._run("output", "-json", quiet=True)
        return {name: output["value"] for name, output in json.loads(text).items()}

    def show(self) -> dict:
        """The state as JSON."""
        return json.loads(self._run("show", "-json", quiet=True))

    def state(self) -> list[str]:
        return self._run("state", "list", quiet=True).split()

    def _write_variables(self) -> None:
        (self.folder / VARIABLES_FILE).write_text(json.dumps(self._variables, indent=2) + "\n")

    def _run(self, verb: str, *arguments: str, quiet: bool = False) -> str:
        """Runs a command; its output is written to terraform.log, and is part of the error if it fails."""
        command = ["terraform", f"-chdir={self.folder}", verb, *([] if quiet else ["-no-color"]), *arguments]
        result = processes.run(command, self._env, self.stack.groups)
        with self._log.open("a") as log:
            log.write(f"$ terraform {verb} {' '.join(arguments)}\n{'' if quiet else result.stdout}{result.stderr}\n")
        if result.returncode:
            raise SystemExit(f"terraform {verb} failed, the complete log is {self._log}:\n{result.stderr.strip()}")
        return result.stdout


class Example(Terraform):
    """A folder of terraform/examples on a stack, with settings of its own."""

    def __init__(
        self, stack: Stack, emulator: Emulator, keys: Credentials, name: str, override: str, **variables: str
    ) -> None:
        """`override` is the text of an override file, for what an example does not leave to variables."""
        super().__init__(stack, emulator, keys, folder=f"{name}/terraform/examples/{name}")
        self._module = stack.folder / name / "terraform"
        self._override = override
        self._arguments = [f"-var={variable}={value}" for variable, value in variables.items()]

    def init(self, source: Path = ROOT_MODULE) -> None:
        """Copies the root module with its examples, at the depth that it has in the repository."""
        copy_module(self._module, self.stack, source)
        (self._module.parent / "dist").symlink_to(self.stack.folder / "dist")
        (self.folder / "stack_override.tf").write_text(self._override)
        self._run("init")


def copy_module(folder: Path, stack: Stack, source: Path) -> None:
    if folder.exists():
        raise SystemExit(f"{folder} exists already: stop the stack first with scripts/local/down {stack.name}")
    shutil.copytree(source, folder, ignore=left_out)
    (stack.folder / "terraformrc").write_text(cli_config())


def copy_packages(stack: Stack) -> None:
    """A copy, so that the next build does not change the packages of this stack."""
    with _copying_packages:
        if not (stack.folder / "dist").exists():
            shutil.copytree(LOCAL_DIST, stack.folder / "dist")


def left_out(folder: str, names: list[str]) -> set[str]:
    """What is not copied from the root module: the user's variables, backend, providers and state."""
    patterns = [".terraform", "*_override.tf*", "override.tf*", "*.tfstate*", "*.tfplan"]
    if Path(folder) == ROOT_MODULE:
        patterns += ["*.tfvars", "*.tfvars.json"]
    return {name for name in names if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)}


def changed(variables: dict, changes: dict) -> dict:
    """The variables with other values; a dict changes attributes."""
    merged = {
        name: (variables.get(name) or {}) | value if isinstance(value, dict) else value
        for name, value in changes.items()
    }
    return variables | merged


def variables(stack: Stack, emulator: Emulator) -> dict:
    """The contents of terraform.tfvars, with limits that small files reach."""
    user = f"arn:aws:iam::{emulator.account}:user"
    return {
        "project": "sluice",
        "environment": stack.name,
        "region": emulator.region,
        "architecture": ARCHITECTURE,
        "alarm_emails": ["operators@example.org"],
        "ingest": {
            "processing_bucket": {"force_destroy": True},
            "quarantine_bucket": {"force_destroy": True},
            "table": {"hash_key": "ArtistID", "range_key": "ItemID", "deletion_protection": False},
            "schema_file": SCHEMA_FILE,
            "max_object_mib": 1,
            "notify_emails": ["people@example.org"],
            "uploader_principals": [f"{user}/uploader", f"{user}/visitor"],
            "operator_principals": [f"{user}/operator", f"{user}/visitor"],
        },
        "provenance": {
            "data_bucket": {"force_destroy": True},
            "receipts_bucket": {"force_destroy": True},
            "trail": {"force_destroy": True},
            "watch_ingest": True,
            "write_once": False,  # see `write-once` in deviations.md
            "timeout_s": 60,
            "uploader_principals": [f"{user}/uploader", f"{user}/auditor", f"{user}/visitor"],
            "auditor_principals": [f"{user}/auditor", f"{user}/visitor"],
            "operator_principals": [f"{user}/operator", f"{user}/visitor"],
        },
    }


def cli_config() -> str:
    """Providers come from a mirror on this machine if there is one; otherwise they are downloaded."""
    mirror = find_mirror()
    if mirror is None:
        return "disable_checkpoint = true\n"
    include = '["registry.terraform.io/hashicorp/*"]'
    return (
        "disable_checkpoint = true\n"
        "provider_installation {\n"
        f"  filesystem_mirror {{\n    path    = {json.dumps(str(mirror))}\n    include = {include}\n  }}\n"
        f"  direct {{\n    exclude = {include}\n  }}\n"
        "}\n"
    )


def find_mirror() -> Path | None:
    candidates = [
        Path(os.environ.get("TF_PROVIDER_MIRROR") or "/nonexistent"),
        Path.home() / ".terraform.d" / "plugins",
        Path("/usr/share/terraform/plugins"),
        Path("/usr/local/share/terraform/plugins"),
        *sorted(Path("/opt").glob("*/")),
    ]
    return next(
        (folder for folder in candidates if (folder / "registry.terraform.io" / "hashicorp" / "aws").is_dir()), None
    )
