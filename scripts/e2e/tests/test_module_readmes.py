"""The usage examples in the READMEs of the Terraform modules can be planned in a folder outside the repository."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from ..paths import LOCAL_DIST, ROOT
from ..terraform import cli_config

MODULES = ROOT / "terraform" / "modules"
# A system is called through `deployment`.
SYSTEMS = {path.parent.name for path in MODULES.glob("*/validation.tf")}
PROVIDER = """
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
}
"""


def examples() -> dict[str, str]:
    """The HCL blocks of each README, by module."""
    found = {}
    for readme in sorted(MODULES.glob("*/README.md")):
        blocks = re.findall(r"^```hcl\n(.*?)^```$", readme.read_text(), re.MULTILINE | re.DOTALL)
        found[readme.parent.name] = "\n".join(blocks)
    return found


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The plan of a root module that calls one module for each README."""
    folder = tmp_path_factory.mktemp("outside")
    calls = [f'module "{name}" {{\n  source = "./{name}"\n}}\n' for name in examples()]
    (folder / "main.tf").write_text(PROVIDER + "".join(calls))
    for name, text in {"": "", **examples()}.items():
        place(folder / name)
        if name:
            (folder / name / "main.tf").write_text(text)
    (folder / "bootstrap.zip").write_bytes(b"a package")
    (folder / "terraformrc").write_text(cli_config())
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
    env |= {
        "TF_CLI_CONFIG_FILE": str(folder / "terraformrc"),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    run(folder, env, "init", "-input=false")
    run(folder, env, "plan", "-input=false", "-out=plan")
    return json.loads(run(folder, env, "show", "-json", "plan"))


def place(folder: Path) -> None:
    """Makes a checkout of the repository with built packages appear as `sluice` in the folder."""
    checkout = folder / "sluice"
    checkout.mkdir(parents=True)
    (checkout / "terraform").symlink_to(ROOT / "terraform")
    (checkout / "dist").symlink_to(LOCAL_DIST)


def run(folder: Path, env: dict[str, str], *arguments: str) -> str:
    result = subprocess.run(["terraform", *arguments, "-no-color"], cwd=folder, env=env, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_every_module_has_an_example() -> None:
    assert [
        name
        for name, text in examples().items()
        if f'/modules/{"deployment" if name in SYSTEMS else name}"' not in text
    ] == []


def test_the_examples_can_be_planned(plan: dict) -> None:
    planned = {module["address"] for module in plan["planned_values"]["root_module"]["child_modules"]}
    assert planned == {f"module.{name}" for name in examples() if name != "settings"}
