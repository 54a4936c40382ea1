"""A stack that is applied with an earlier version of the root module and upgraded to the current one.

Several deployments, so that few and many of the optional resources exist. Those whose tests are selected are made.
"""

from __future__ import annotations

import io
import subprocess
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from ... import accounts, local, paths
from ...deployment import Deployment
from ...scenario import music
from ...terraform import SCHEMA_FILE, Terraform
from ..background import Background
from ..ingest_steps import wait_for_item
from ..stack_setup import StackTeardown, destroy, plan_and_apply, remaining_buckets

NAME = "upgrade"
# The last commit before the systems moved to modules/deployment.
BEFORE = "92198cfb707d0fd4bf96ff902404b3f12bef4233"
# The deployments by name, which is also their folder: the changes of the usual variables. That version has a schema as
# its default.
DEPLOYMENTS: dict[str, dict] = {
    "both": {"environment": NAME, "ingest": {"schema_file": None}},
    "alone": {
        "environment": f"{NAME}-alone",
        "alarm_emails": [],
        "ingest": {
            "schema_file": None,
            "uploader_principals": [],
            "operator_principals": [],
            "notify_emails": [],
        },
        "provenance": None,
    },
    "other": {
        "environment": f"{NAME}-other",
        "ingest": {
            "schema_file": None,
            "prefix": "incoming",
            "encryption": "sse-kms",
            "table": {"hash_key": "ArtistID", "range_key": "", "deletion_protection": False},
        },
        "provenance": {
            "receipts_bucket": {"in_data_bucket": True},
            "watch_ingest": False,
            "encryption": "sse-s3",
            "prefixes": ["incoming/", "processed"],
            "operator_principals": [],
        },
    },
}
ITEM_BEFORE = ("Before", "ALBUM#Kept")
ITEM_AFTER = ("After", "ALBUM#New")


@dataclass(frozen=True)
class UpgradedDeployment:
    terraform: Terraform
    deployment: Deployment
    upgrade_plan: dict
    second_plan: dict


Upgraded = dict[str, UpgradedDeployment]


def is_available() -> bool:
    """Whether this checkout has the earlier version: not in a shallow clone, or without git."""
    command = ["git", "cat-file", "-e", f"{BEFORE}^{{commit}}"]
    return subprocess.run(command, cwd=paths.ROOT, capture_output=True).returncode == 0


def earlier_module(folder: Path) -> Path:
    """Extracts the root module of the earlier version."""
    command = ["git", "archive", "--format=zip", BEFORE, "terraform"]
    archive = subprocess.run(command, cwd=paths.ROOT, check=True, capture_output=True).stdout
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        files.extractall(folder)
    return folder / "terraform"


def prepare(names: list[str], packages: Background[None]) -> Upgraded | None:
    if not is_available():
        return None
    stack = paths.stack(NAME)
    local.up(stack, fresh=True)
    source = earlier_module(stack.folder / "earlier")
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(lambda name: upgraded(name, source, packages), names), strict=True))


def upgraded(name: str, source: Path, packages: Background[None]) -> UpgradedDeployment:
    """A file is stored before and after the upgrade."""
    stack = paths.stack(NAME)
    running = local.up(stack)
    terraform = Terraform(stack, running, accounts.load(stack)["deployer"], folder=name, **DEPLOYMENTS[name])
    plan_and_apply(terraform, packages, source)
    store(Deployment(stack, running, terraform.outputs()), ITEM_BEFORE)
    terraform.upgrade(ingest={"schema_file": SCHEMA_FILE})
    upgrade_plan = terraform.plan("upgrade")
    terraform.apply("upgrade")
    deployment = Deployment(stack, running, terraform.outputs())
    store(deployment, ITEM_AFTER)
    return UpgradedDeployment(terraform, deployment, upgrade_plan, terraform.plan("second"))


def store(deployment: Deployment, item: tuple[str, str]) -> None:
    """As the user who applies: not every deployment has an uploader role."""
    key = f"{deployment.outputs['ingest']['prefix']}{item[0]}.json"
    deployment.client("s3").put_object(Bucket=deployment.ingest.processing, Key=key, Body=music(*item))
    wait_for_item(deployment, item)


def leave(made: Upgraded) -> list[str]:
    """What remains after destroy; stops the stack."""
    with ThreadPoolExecutor(len(made)) as pool:
        problems = [
            f"{name}: {problem}"
            for name, found in zip(made, pool.map(lambda found: destroy(found.terraform), made.values()), strict=True)
            for problem in found
        ]
    problems += remaining_buckets(next(iter(made.values())).deployment)
    local.down(paths.stack(NAME))
    return problems


@pytest.fixture(scope="session")
def upgrade_started(
    request: pytest.FixtureRequest, packages_started: Background[None], stack_teardown: StackTeardown
) -> Background[Upgraded | None]:
    stack_teardown.register(NAME)
    selected = [item for item in request.session.items if not item.get_closest_marker("skip")]
    names = dict.fromkeys(item.callspec.params["upgraded"] for item in selected if NAME in item.fixturenames)
    return Background(lambda: prepare(list(names), packages_started))


@pytest.fixture(scope="session")
def upgrade(upgrade_started: Background[Upgraded | None], stack_teardown: StackTeardown) -> Iterator[Upgraded]:
    made = upgrade_started.result()
    if made is None:
        pytest.skip(f"this checkout does not have commit {BEFORE}: clone the whole history (git fetch --unshallow)")
    yield made
    stack_teardown.check(NAME, lambda: leave(made))
