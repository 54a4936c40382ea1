"""One stack, one package, one plan, one apply for the session.

`SLUICE_E2E_REUSE=1` keeps the stack after the run and uses a kept one, for work on the tests themselves.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from .. import accounts, emulator, local, package, paths
from ..deployment import Deployment
from ..inbox import Inbox
from ..run import Played, play
from ..terraform import Terraform

REUSE = os.environ.get("SLUICE_E2E_REUSE") == "1"
os.environ["SLUICE_E2E_MARKER"] = "nothing that the emulator starts may see this"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks at the whole session comes last: the second plan, then destroy."""
    order = {"test_second_plan": 1, "test_destroy": 2, "test_the_checkout_is_as_it_was": 3}
    items.sort(key=lambda item: order.get(item.name.partition("[")[0], 0))


def checkout() -> str:
    """What git says of the root module; empty outside of a git checkout."""
    command = ["git", "status", "--porcelain", "--untracked-files=all", "--ignored", "--", "terraform"]
    return subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True).stdout


@pytest.fixture(scope="session")
def before() -> str:
    return checkout()


@pytest.fixture(scope="session")
def stack(before: str) -> Iterator[paths.Stack]:
    stack = paths.stack("test")
    local.up(stack, fresh=not REUSE)
    yield stack
    if not REUSE:
        local.down(stack)


@pytest.fixture(scope="session")
def running(stack: paths.Stack) -> emulator.Emulator:
    found = emulator.running(stack)
    assert found, "the emulator has died, see .local/test/emulator.log"
    return found


@pytest.fixture(scope="session")
def terraform(stack: paths.Stack, running: emulator.Emulator) -> Terraform:
    """Planned and applied; the plan's JSON is `plan.json` in its folder."""
    terraform = Terraform(stack, running, accounts.load(stack)["deployer"])
    if not terraform.folder.exists():
        package.package(sorted(package.programs(paths.ROOT)), None)
        terraform.init()
        terraform.plan()
        terraform.apply()
    return terraform


@pytest.fixture(scope="session")
def plan(terraform: Terraform) -> dict:
    return json.loads(terraform.plan_file().read_text())


@pytest.fixture(scope="session")
def state(terraform: Terraform) -> dict:
    """`terraform show -json` of what was applied."""
    return terraform.show()


@pytest.fixture(scope="session")
def deployment(stack: paths.Stack, running: emulator.Emulator, terraform: Terraform) -> Deployment:
    deployment = Deployment(stack, running, terraform.outputs())
    if REUSE:
        empty(deployment)
    return deployment


@pytest.fixture(scope="session")
def inbox(deployment: Deployment) -> Inbox:
    return Inbox.open(deployment)


@pytest.fixture(scope="session")
def played(deployment: Deployment, inbox: Inbox) -> Played:
    """The scenario, played once."""
    return play(deployment, inbox)


def empty(deployment: Deployment) -> None:
    """Takes what an earlier session on the same stack left: items, objects, messages."""
    dynamodb, s3, ingest = deployment.client("dynamodb"), deployment.client("s3"), deployment.ingest
    for item in dynamodb.scan(TableName=ingest.table)["Items"]:
        keys = {name: item[name] for name in (ingest.hash_key, ingest.range_key)}
        dynamodb.delete_item(TableName=ingest.table, Key=keys)
    provenance = deployment.provenance
    for bucket in (ingest.processing, ingest.quarantine, provenance.data, provenance.receipts):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, EncodingType="url"):
            for version in page.get("Versions", []):
                if not version["Key"].startswith("_sluice/"):
                    s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    for url in (ingest.queue_url, ingest.dead_letters_url, provenance.queue_url, provenance.dead_letters_url):
        deployment.client("sqs").purge_queue(QueueUrl=url)
