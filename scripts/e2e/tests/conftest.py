"""Fixtures that several test files share. The fixtures of each stack are in `stacks/`.

`SLUICE_E2E_LONG=1` also runs the tests that are marked `slow`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from .. import build, paths
from ..deployment import Deployment
from ..sluice import Sluice
from . import tool_setup
from .background import Background
from .stack_setup import StackTeardown

LONG = os.environ.get("SLUICE_E2E_LONG") == "1"
os.environ["SLUICE_E2E_MARKER"] = "must not reach a process that the emulator starts"

pytest_plugins = [
    f"{__package__}.stacks.{path.stem}"
    for path in sorted((Path(__file__).parent / "stacks").glob("*.py"))
    if path.stem != "__init__"
]


def pytest_configure(config: pytest.Config) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # fixtures stop what they started
    config.addinivalue_line("markers", "slow: takes minutes; `scripts/test --long` runs it")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts the tests so that little time is spent waiting. No test depends on the order.

    Tests without a stack run first, then those of the stack that most tests share, while the other stacks are made.
    """
    started = {item: [name for name in item.fixturenames if name.endswith("_started")] for item in items}
    users = Counter(name for names in started.values() for name in names)
    first = len(items)  # not in the key: a list is empty while it is sorted
    items.sort(key=lambda item: min((users[name] for name in started[item]), default=first), reverse=True)
    for item in items:
        if not LONG and item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow: scripts/test --long"))


@pytest.fixture(scope="session", autouse=True)
def background_work(request: pytest.FixtureRequest) -> None:
    """Starts all background work that the selected tests need; see background.py."""
    selected = [item for item in request.session.items if not item.get_closest_marker("skip")]
    names = dict.fromkeys(name for item in selected for name in item.fixturenames if name.endswith("_started"))
    for name in names:  # in the order in which tests need them
        request.getfixturevalue(name)


@pytest.fixture(scope="session", autouse=True)
def checkout_unchanged() -> Iterator[None]:
    """Terraform runs on copies: no lock file, state or override appears in the root module."""
    before = _git_status()
    yield
    assert _git_status() == before


def _git_status() -> str:
    """The changed, untracked and ignored files of the root module; empty outside of a git checkout."""
    command = ["git", "status", "--porcelain", "--untracked-files=all", "--ignored", "--", "terraform"]
    return subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True).stdout


@pytest.fixture(scope="session")
def stack_teardown(request: pytest.FixtureRequest) -> Iterator[StackTeardown]:
    teardown = StackTeardown(lambda: request.session.exitstatus == pytest.ExitCode.INTERRUPTED)
    yield teardown
    problems = teardown.finish()
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="session")
def packages_started() -> Background[None]:
    """The Lambda packages for the local stacks."""
    return Background(build.pack)


@pytest.fixture
def sluice(deployment: Deployment, tmp_path: Path) -> Sluice:
    return tool_setup.install(deployment, tmp_path)


@pytest.fixture
def dead_letters(deployment: Deployment) -> dict[str, str]:
    """The URLs of both dead-letter queues of the ingest, emptied."""
    outputs = deployment.outputs["ingest"]
    urls = {"events": outputs["event_dead_letter_url"], "messages": outputs["queue_dead_letter_url"]}
    for url in urls.values():
        deployment.client("sqs").purge_queue(QueueUrl=url)
    return urls


@pytest.fixture
def buckets(deployment: Deployment) -> Iterator[list[str]]:
    """Names of buckets that are emptied and deleted after the test."""
    names: list[str] = []
    yield names
    s3 = deployment.client("s3")
    existing = {entry["Name"] for entry in s3.list_buckets()["Buckets"]}
    for name in existing & set(names):
        s3.delete_bucket_policy(Bucket=name)
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
            for entry in page.get("Versions", []) + page.get("DeleteMarkers", []):
                s3.delete_object(Bucket=name, Key=entry["Key"], VersionId=entry["VersionId"])
        s3.delete_bucket(Bucket=name)


@pytest.fixture
def ingest_events_off(deployment: Deployment) -> Iterator[None]:
    """Disables the ingest's rule, so that uploaded files stay as they are."""
    events = deployment.client("events")
    events.disable_rule(Name=deployment.ingest.rule)
    yield
    events.enable_rule(Name=deployment.ingest.rule)


@pytest.fixture(scope="module")
def scratch_bucket(deployment: Deployment) -> Iterator[str]:
    """A versioned bucket that sends its events to EventBridge."""
    s3, name = deployment.client("s3"), f"sluice-deviations-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": deployment.emulator.region})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})
    yield name
    for version in s3.list_object_versions(Bucket=name).get("Versions", []):
        s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
    s3.delete_bucket(Bucket=name)
