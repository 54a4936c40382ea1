"""A stack with provenance only: receipts next to the data, no customer managed key, management events, and a plan
without AWS calls before the first apply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ... import evidence
from ...deployment import Deployment
from ...emulator import ACCOUNT
from ...evidence import ObjectVersion
from ...terraform import Terraform
from ..background import Background
from ..stack_setup import StackTeardown, apply, leftovers

NAME = "alone"
SETTINGS = {
    "data_bucket": {"name": "caa304-raw-data", "force_destroy": True},
    "receipts_bucket": {"in_data_bucket": True},
    "trail": {"force_destroy": True, "management_events": True},
    "watch_ingest": False,
    "prefixes": ["incoming/", "processed"],
    "encryption": "sse-s3",
}


@dataclass(frozen=True)
class ProvenanceAlone:
    terraform: Terraform
    deployment: Deployment
    versions: list[ObjectVersion]


def prepare(packages: Background[None]) -> ProvenanceAlone:
    """Uploads files and waits for a manifest of their receipts."""
    applied = apply(NAME, packages, account_id=ACCOUNT, ingest=None, provenance=SETTINGS)
    deployment = applied.deployment
    versions = evidence.upload_files(deployment)
    versions.append(evidence.put(deployment, "processed/later.csv", b"later\n"))
    evidence.wait_for(lambda: evidence.receipt(deployment, versions[-1]), "receipt")
    evidence.write_manifest(deployment)
    return ProvenanceAlone(applied.terraform, deployment, versions)


@pytest.fixture(scope="session")
def provenance_alone_started(
    packages_started: Background[None], stack_teardown: StackTeardown
) -> Background[ProvenanceAlone]:
    stack_teardown.register(NAME)
    return Background(lambda: prepare(packages_started))


@pytest.fixture(scope="session")
def provenance_alone(
    provenance_alone_started: Background[ProvenanceAlone], stack_teardown: StackTeardown
) -> Iterator[ProvenanceAlone]:
    made = provenance_alone_started.result()
    yield made
    stack_teardown.check(NAME, lambda: leftovers(made.terraform, made.deployment))
