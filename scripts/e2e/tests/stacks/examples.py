"""The plan of each folder of terraform/examples, without a stack and without credentials."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from ...package import VARIABLES
from ...paths import LOCAL_DIST, ROOT
from ...terraform import QUICK, ROOT_MODULE, cli_config, left_out
from ..background import Background

EXAMPLES = sorted(path.parent.name for path in (ROOT_MODULE / "examples").glob("*/main.tf"))
# Of the caller's environment: nothing from which the provider could take credentials.
KEPT = ("PATH", "LANG", "TMPDIR", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "NO_PROXY", "no_proxy")
MAX_CONCURRENT_PLANS = 2


@dataclass(frozen=True)
class ExamplePlan:
    """The plan as JSON and its file; where a command failed, its output instead."""

    file: Path
    error: str = ""

    @property
    def plan(self) -> dict:
        assert not self.error, self.error
        return json.loads(self.file.read_text())


def prepare(packages: Background[None], folder: Path) -> dict[str, ExamplePlan]:
    """The examples are at the depth that they have in the repository, next to the packages of the local stacks."""
    packages.result()
    shutil.copytree(ROOT_MODULE, folder / "terraform", ignore=left_out)
    shutil.copytree(LOCAL_DIST, folder / "dist")
    written = folder / "dist" / VARIABLES
    document = json.loads(written.read_text())
    for package in document["lambda_packages"].values():
        package["architecture"] = "x86_64"  # of the examples; a plan does not run the packages
    written.write_text(json.dumps(document))
    (folder / "terraformrc").write_text(cli_config())
    (folder / "home").mkdir()
    with ThreadPoolExecutor(MAX_CONCURRENT_PLANS) as pool:
        return dict(zip(EXAMPLES, pool.map(lambda name: plan(folder, name), EXAMPLES), strict=True))


def plan(folder: Path, name: str) -> ExamplePlan:
    env = {variable: os.environ[variable] for variable in KEPT if variable in os.environ} | {
        "HOME": str(folder / "home"),
        "TF_CLI_CONFIG_FILE": str(folder / "terraformrc"),
        "TF_IN_AUTOMATION": "true",
        "TF_INPUT": "false",
        **QUICK,
    }
    file = folder / f"{name}.json"
    for command in (["init"], ["plan", "-out=plan.tfplan"], ["show", "-json", "plan.tfplan"]):
        run = ["terraform", f"-chdir={folder / 'terraform' / 'examples' / name}", *command, "-no-color"]
        result = subprocess.run(run, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if result.returncode:
            return ExamplePlan(file, f"terraform {command[0]}: {result.stdout}{result.stderr}")
    file.write_text(result.stdout)
    return ExamplePlan(file)


@pytest.fixture(scope="session")
def examples_started(
    packages_started: Background[None], tmp_path_factory: pytest.TempPathFactory
) -> Background[dict[str, ExamplePlan]]:
    folder = tmp_path_factory.mktemp("examples")
    return Background(lambda: prepare(packages_started, folder))


@pytest.fixture(scope="session")
def examples(examples_started: Background[dict[str, ExamplePlan]]) -> dict[str, ExamplePlan]:
    return examples_started.result()
