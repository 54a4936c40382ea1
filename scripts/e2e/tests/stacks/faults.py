"""A stack for the fault run, whose queues deliver messages again after a short visibility timeout."""

from __future__ import annotations

import pytest

from ..background import Background
from ..stack_setup import AppliedStack, StackTeardown, apply

NAME = "faults"
TIMEOUT_S = 6
# Above the ingest's timeout, as AWS requires, but shorter than its variables make it: interrupted messages must be
# delivered again within the run.
VISIBILITY_S = 8
SETTINGS = {
    "ingest": {"timeout_s": TIMEOUT_S, "max_concurrency": 5},
    "provenance": {"max_concurrency": 4},
}


def prepare(packages: Background[None]) -> AppliedStack:
    applied = apply(NAME, packages, **SETTINGS)
    deployment = applied.deployment
    for url in (deployment.ingest.queue_url, deployment.provenance.queue_url):
        deployment.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(VISIBILITY_S)})
    return applied


@pytest.fixture(scope="session")
def faults_stack_started(packages_started: Background[None], stack_teardown: StackTeardown) -> Background[AppliedStack]:
    stack_teardown.register(NAME)
    return Background(lambda: prepare(packages_started))
