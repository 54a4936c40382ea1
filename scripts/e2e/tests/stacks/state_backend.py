"""A second deployment on the main stack, whose state is in a bucket that `sluice bootstrap` created."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from dataclasses import dataclass

import pytest

from ... import accounts, environment
from ...deployment import Deployment
from ...paths import ROOT
from ...sluice import Sluice
from ...terraform import QUICK, left_out
from ..background import Background
from .main import MainStack

STATE_KEY = "sluice/boot.tfstate"
VARIABLES = "-var-file=../terraform.tfvars.json"
LOCK_OWNER = "owner@elsewhere"


@dataclass(frozen=True)
class StateBackend:
    """What `sluice bootstrap` printed, the state and its locks after apply, and a plan's output while it is locked."""

    bucket: str
    bootstrap_output: str
    state: dict
    locks: dict
    locked_plan: str


def prepare(main: MainStack) -> StateBackend:
    """Everything has its own names, so that other tests can use the main stack meanwhile."""
    stack, emulator = main.terraform.stack, main.deployment.emulator
    deployment = Deployment(stack, emulator, {})
    folder = stack.folder / "boot"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    sluice = Sluice(deployment, folder / "outputs.json", folder)
    s3, bucket, region = deployment.client("s3"), f"sluice-tfstate-{uuid.uuid4().hex[:8]}", emulator.region
    arguments = ["--state-bucket", bucket, "--state-key", STATE_KEY, "--region", region]
    bootstrap = sluice.run("bootstrap", *arguments, user="deployer")
    shutil.copytree(ROOT / "terraform", folder / "terraform", ignore=left_out)
    variables = {"environment": "boot", "region": region, "alarm_emails": ["boot@example.org"]}
    sluice.write("terraform.tfvars.json", json.dumps(variables).encode())

    terraform(sluice, "init", "-backend-config=../backend.conf")
    terraform(sluice, "plan", VARIABLES, "-out=plan.tfplan")
    terraform(sluice, "apply", "plan.tfplan")
    state = s3.head_object(Bucket=bucket, Key=STATE_KEY)
    locks = s3.list_object_versions(Bucket=bucket, Prefix=f"{STATE_KEY}.tflock")

    lock = {"ID": str(uuid.uuid4()), "Operation": "OperationTypeApply", "Who": LOCK_OWNER, "Path": "x"}
    s3.put_object(Bucket=bucket, Key=f"{STATE_KEY}.tflock", Body=json.dumps(lock).encode())
    locked_plan = terraform(sluice, "plan", VARIABLES, expect=1)
    s3.delete_object(Bucket=bucket, Key=f"{STATE_KEY}.tflock")
    terraform(sluice, "apply", "-destroy", "-auto-approve", VARIABLES)
    return StateBackend(bucket, bootstrap.out, state, locks, locked_plan)


def terraform(sluice: Sluice, verb: str, *arguments: str, expect: int = 0) -> str:
    """Runs Terraform in the folder of `sluice`; returns its output."""
    deployment = sluice.deployment
    keys = accounts.load(deployment.stack)["deployer"]
    env = environment.tool(deployment.stack, deployment.emulator, keys) | {
        "TF_CLI_CONFIG_FILE": str(deployment.stack.folder / "terraformrc"),
        "TF_IN_AUTOMATION": "true",
        "TF_INPUT": "false",
        "CHECKPOINT_DISABLE": "true",
        **QUICK,
    }
    command = ["terraform", "-chdir=terraform", verb, "-no-color", *arguments]
    result = subprocess.run(
        command, cwd=sluice.folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert result.returncode == expect, result.stdout + result.stderr
    return result.stdout + result.stderr


@pytest.fixture(scope="session")
def state_backend_started(main_stack_started: Background[MainStack]) -> Background[StateBackend]:
    return Background(lambda: prepare(main_stack_started.result()))


@pytest.fixture(scope="session")
def state_backend(state_backend_started: Background[StateBackend]) -> StateBackend:
    return state_backend_started.result()
