"""The stack that most tests share: both systems, the scenario played once, and provenance files with receipts.

`SLUICE_E2E_REUSE=1` keeps the stack after the session and uses a kept one, for work on the tests themselves.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from ... import accounts, emulator, evidence, local, paths
from ...deployment import Deployment
from ...evidence import ObjectVersion
from ...inbox import Inbox
from ...scenario_run import Played, play
from ...terraform import Terraform
from ..background import Background
from ..stack_setup import StackTeardown, leftovers, plan_and_apply

NAME = "test"
UPLOAD_USER = f"sluice-{NAME}-upload"
REUSE = os.environ.get("SLUICE_E2E_REUSE") == "1"
# Keys that a listing can only hold URL-encoded, or that a decoder could take for encoded keys.
AWKWARD_KEYS = ("100% a+b%41", "\x01", "line\r\nfeed", "\ufffe\uffff.json")


@dataclass(frozen=True)
class UploadedFiles:
    """Provenance files that have receipts, and when the last receipt was there (monotonic clock, seconds)."""

    versions: list[ObjectVersion]
    recorded_at: float


@dataclass(frozen=True)
class MainStack:
    terraform: Terraform
    deployment: Deployment
    inbox: Inbox
    played: Played
    uploaded: UploadedFiles
    second_plan: dict


def prepare(packages: Background[None]) -> MainStack:
    stack = paths.stack(NAME)
    found = local.up(stack, fresh=not REUSE)
    terraform = Terraform(stack, found, accounts.load(stack)["deployer"], ingest={"uploader_user": UPLOAD_USER})
    fresh = not terraform.folder.exists()
    if fresh:
        plan_and_apply(terraform, packages)
    deployment = Deployment(stack, found, terraform.outputs())
    if not fresh:
        delete_data(deployment)
    with ThreadPoolExecutor(1) as pool:
        second_plan = pool.submit(terraform.plan, "second")
        inbox = Inbox.open(deployment)
        played = play(deployment, inbox)
        uploaded = UploadedFiles(evidence.upload_files(deployment), time.monotonic())
        return MainStack(terraform, deployment, inbox, played, uploaded, second_plan.result())


def delete_data(deployment: Deployment) -> None:
    """Deletes the items, objects and messages of an earlier session on the same stack."""
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


def destroy(main: MainStack) -> list[str]:
    """What a plan after all tests would change, and what destroy leaves, although the buckets are not empty."""
    s3 = main.deployment.client("s3")
    for key in AWKWARD_KEYS:
        s3.put_object(Bucket=main.deployment.provenance.data, Key=f"elsewhere/{key}", Body=b"{")
    return leftovers(main.terraform, main.deployment)


@pytest.fixture(scope="session")
def main_stack_started(packages_started: Background[None], stack_teardown: StackTeardown) -> Background[MainStack]:
    if not REUSE:
        stack_teardown.register(NAME)
    return Background(lambda: prepare(packages_started))


@pytest.fixture(scope="session")
def main_stack(main_stack_started: Background[MainStack], stack_teardown: StackTeardown) -> Iterator[MainStack]:
    made = main_stack_started.result()
    yield made
    if not REUSE:
        stack_teardown.check(NAME, lambda: destroy(made))


@pytest.fixture(scope="session")
def stack(main_stack: MainStack) -> paths.Stack:
    return main_stack.terraform.stack


@pytest.fixture(scope="session")
def running(main_stack: MainStack) -> emulator.Emulator:
    found = emulator.running(main_stack.terraform.stack)
    assert found, f"the emulator has stopped: see .local/{NAME}/emulator.log"
    return found


@pytest.fixture(scope="session")
def terraform(main_stack: MainStack) -> Terraform:
    """Planned and applied; the plan's JSON is `plan.json` in its folder."""
    return main_stack.terraform


@pytest.fixture(scope="session")
def state(main_stack: MainStack) -> dict:
    """`terraform show -json` of what was applied."""
    return main_stack.terraform.show()


@pytest.fixture(scope="session")
def second_plan(main_stack: MainStack) -> dict:
    """What Terraform would change right after apply."""
    return main_stack.second_plan


@pytest.fixture(scope="session")
def deployment(main_stack: MainStack) -> Deployment:
    return main_stack.deployment


@pytest.fixture(scope="session")
def inbox(main_stack: MainStack) -> Inbox:
    return main_stack.inbox


@pytest.fixture(scope="session")
def played(main_stack: MainStack) -> Played:
    return main_stack.played


@pytest.fixture(scope="session")
def uploaded(main_stack: MainStack) -> UploadedFiles:
    return main_stack.uploaded
