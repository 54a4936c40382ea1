"""Provenance without the ingest, its receipts beside the data, nothing encrypted by a customer's key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .. import accounts, evidence, local, paths, wiring
from ..deployment import Deployment
from ..evidence import Version
from ..terraform import Terraform
from . import ahead
from .conftest import left_over, packaged
from .sluice_tool import at_work

SETTINGS = {
    "data_bucket": {"name": "caa304-raw-data", "force_destroy": True},
    "receipts_bucket": {"in_data_bucket": True},
    "watch_ingest": False,
    "prefixes": ["incoming/", "processed"],
    "encryption": "sse-s3",
}


@dataclass(frozen=True)
class Alone:
    terraform: Terraform
    deployment: Deployment
    versions: list[Version]


def arrived() -> Alone:
    """A stack of its own, where files have arrived and a manifest covers them."""
    stack = paths.stack("alone")
    running = local.up(stack, fresh=True)
    terraform = Terraform(stack, running, accounts.load(stack)["deployer"], ingest=None, provenance=SETTINGS)
    ahead.of(packaged)
    terraform.init()
    terraform.plan()
    terraform.apply()
    deployment = Deployment(stack, running, terraform.outputs())
    versions = evidence.arrive(deployment)
    versions.append(evidence.put(deployment, "processed/later.csv", b"later\n"))
    evidence.until(lambda: evidence.receipt(deployment, versions[-1]), "a receipt")
    evidence.seal(deployment)
    return Alone(terraform, deployment, versions)


def ended() -> list[str]:
    alone = ahead.of(arrived)
    return left_over(alone.terraform)


AHEAD = arrived


@pytest.fixture(scope="module")
def alone() -> Iterator[Alone]:
    yield ahead.of(arrived)
    ahead.begin(ended)


def test_receipts_beside_the_data(alone: Alone, tmp_path: Path) -> None:
    """001.7, 001.12: receipts under `provenance/` of the data bucket itself, and no receipt of a receipt."""
    names = alone.deployment.provenance
    assert names.receipts == names.data == "caa304-raw-data"
    tool = at_work(alone.deployment, tmp_path)
    ran = tool("verify", "--grace", "0", user="auditor")
    assert ran.code == 0, ran.out + ran.err
    assert set(evidence.keys(alone.deployment, "provenance/")) == {version.receipt for version in alone.versions}
    assert len(evidence.keys(alone.deployment, "journal/")) == len(alone.versions)


def test_everything_is_let_in(alone: Alone) -> None:
    assert wiring.problems(alone.terraform.show()) == []


def test_nothing_is_left_over_alone() -> None:
    assert ahead.of(ended) == []
