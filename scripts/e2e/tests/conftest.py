"""One stack, one package, one plan, one apply for the session; what takes minutes begins ahead of the tests.

`SLUICE_E2E_REUSE=1` keeps the stack after the run and uses a kept one, for work on the tests themselves.
`SLUICE_E2E_LONG=1` runs the tests that are marked `slow` too.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from .. import accounts, build, deviations, emulator, evidence, local, paths
from ..deployment import Deployment
from ..evidence import Version
from ..inbox import Inbox
from ..run import Played, play
from ..terraform import Terraform
from . import ahead

REUSE = os.environ.get("SLUICE_E2E_REUSE") == "1"
LONG = os.environ.get("SLUICE_E2E_LONG") == "1"
os.environ["SLUICE_E2E_MARKER"] = "nothing that the emulator starts may see this"

# After what needs no stack: what has to lie there for a minute before others can look.
FIRST = ("test_file", "test_each_version_has_its_receipt")
# What was tried ahead, beside what comes before.
LATE = ("test_people_without",)
# What looks at the whole session: the second plan, then destroy.
LAST = (
    "test_alarm_drift",
    "test_trail_drift",
    "test_second_plan",
    "test_destroy",
    "test_nothing_is_left_over_alone",
    "test_nothing_is_left_over_with_other_settings",
    "test_the_checkout_is_as_it_was",
)


def pytest_configure(config: pytest.Config) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that fixtures end what they started
    config.addinivalue_line("markers", "slow: shows at length what a quick test shows too; `scripts/test --long`")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        name = item.name.partition("[")[0]
        if name in LAST:
            return 6 + LAST.index(name)
        if name in LATE or hasattr(item.module, "AHEAD"):
            return 5
        if "running" not in item.fixturenames:
            return 0
        if "attempts" in item.fixturenames:
            return 3  # begins what runs beside the tests of the ingest's tool, and beside no others
        if "sluice" in item.fixturenames:
            return 4
        return 1 if name in FIRST else 2

    items.sort(key=place)
    for item in items:
        if not LONG and item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow: scripts/test --long"))


def checkout() -> str:
    """What git says of the root module; empty outside of a git checkout."""
    command = ["git", "status", "--porcelain", "--untracked-files=all", "--ignored", "--", "terraform"]
    return subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True).stdout


@pytest.fixture(scope="session")
def before() -> str:
    return checkout()


@pytest.fixture(scope="session", autouse=True)
def begun(request: pytest.FixtureRequest, before: str) -> Iterator[None]:
    """Stacks come up beside the tests that need none, and are ended whatever happens."""
    chosen = [item for item in request.session.items if not item.get_closest_marker("skip")]
    for make in {item.module.AHEAD for item in chosen if hasattr(item.module, "AHEAD")}:
        ahead.begin(make)
    if any("terraform" in item.fixturenames for item in chosen):
        ahead.begin(applied)
    yield
    for name in ("alone", "settings", "audits", "faults", "readme", *(() if REUSE else ("test",))):
        if paths.stack(name).folder.exists():
            local.down(paths.stack(name))


def packaged() -> None:
    build.pack()


def raised() -> paths.Stack:
    stack = paths.stack("test")
    local.up(stack, fresh=not REUSE)
    return stack


def applied() -> Terraform:
    stack = ahead.of(raised)
    found = emulator.running(stack)
    assert found, "the emulator has died, see .local/test/emulator.log"
    terraform = Terraform(stack, found, accounts.load(stack)["deployer"])
    if not terraform.folder.exists():
        ahead.of(packaged)
        terraform.init()
        terraform.plan()
        terraform.apply()
    return terraform


def left_over(terraform: Terraform) -> list[str]:
    """What a second plan would change, then what stands after destroy; the stack is ended."""
    changes = deviations.unexpected(terraform.plan("second"))
    terraform.destroy()
    left = terraform.state()
    local.down(terraform.stack)
    return changes + left


@pytest.fixture(scope="session")
def stack() -> paths.Stack:
    return ahead.of(raised)


@pytest.fixture(scope="session")
def running(stack: paths.Stack) -> emulator.Emulator:
    found = emulator.running(stack)
    assert found, "the emulator has died, see .local/test/emulator.log"
    return found


@pytest.fixture(scope="session")
def terraform(running: emulator.Emulator) -> Terraform:
    """Planned and applied; the plan's JSON is `plan.json` in its folder."""
    return ahead.of(applied)


@pytest.fixture(scope="session")
def plan(terraform: Terraform) -> dict:
    return json.loads(terraform.plan_file().read_text())


@pytest.fixture(scope="session")
def state(terraform: Terraform) -> dict:
    """`terraform show -json` of what was applied."""
    return terraform.show()


@pytest.fixture(scope="session")
def second_plan(terraform: Terraform) -> dict:
    """What Terraform would change after everything that the tests did."""
    return terraform.plan("second")


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


@dataclass(frozen=True)
class Arrived:
    """Files of the provenance, each with its receipt, and when the last one had it (of the monotonic clock)."""

    versions: list[Version]
    at: float


@pytest.fixture(scope="session")
def arrived(deployment: Deployment, played: Played) -> Arrived:
    versions = evidence.arrive(deployment)
    return Arrived(versions, time.monotonic())


def empty(deployment: Deployment) -> None:
    """Takes what an earlier session on the same stack left: items, objects, messages."""
    dynamodb, s3, ingest = deployment.client("dynamodb"), deployment.client("s3"), deployment.ingest
    for item in dynamodb.scan(TableName=ingest.table)["Items"]:
        keys = {name: item[name] for name in (ingest.hash_key, ingest.range_key)}
        dynamodb.delete_item(TableName=ingest.table, Key=keys)
    provenance = deployment.provenance
    for bucket in (ingest.processing, ingest.quarantine, provenance.data, provenance.receipts):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for version in page.get("Versions", []):
                if not version["Key"].startswith("_sluice/"):
                    s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    for url in (ingest.queue_url, ingest.dead_letters_url, provenance.queue_url, provenance.dead_letters_url):
        deployment.client("sqs").purge_queue(QueueUrl=url)
