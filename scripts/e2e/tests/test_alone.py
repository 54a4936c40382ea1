"""Provenance without the ingest, its receipts beside the data, nothing encrypted by a customer's key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .. import accounts, deviations, evidence, local, paths, wiring
from ..deployment import Deployment
from ..run import sweep
from ..terraform import Terraform
from .sluice_tool import at_work

SETTINGS = {
    "data_bucket": {"name": "caa304-raw-data", "force_destroy": True},
    "receipts_bucket": {"in_data_bucket": True},
    "watch_ingest": False,
    "prefixes": ["incoming/", "processed"],
    "encryption": "sse-s3",
}


@pytest.fixture(scope="module")
def alone(terraform: Terraform) -> Iterator[tuple[Terraform, Deployment]]:
    """A stack of its own; the session's packages are there already."""
    stack = paths.stack("spare")
    running = local.up(stack, fresh=True)
    made = Terraform(stack, running, accounts.load(stack)["deployer"], ingest=None, provenance=SETTINGS)
    made.init()
    made.plan()
    made.apply()
    yield made, Deployment(stack, running, made.outputs())
    assert deviations.unexpected(made.plan("second")) == []
    sweep(Deployment(stack, running, made.outputs()))
    made.destroy()
    assert made.state() == []
    local.down(stack)


def test_receipts_beside_the_data(alone: tuple[Terraform, Deployment], tmp_path: Path) -> None:
    """001.7, 001.12: receipts under `provenance/` of the data bucket itself, and no receipt of a receipt."""
    terraform, deployment = alone
    assert deployment.provenance.receipts == deployment.provenance.data == "caa304-raw-data"
    versions = evidence.arrive(deployment)
    versions.append(evidence.put(deployment, "processed/later.csv", b"later\n"))
    evidence.until(lambda: evidence.receipt(deployment, versions[-1]), "a receipt")
    evidence.seal(deployment)
    tool = at_work(deployment, terraform, tmp_path)
    ran = tool("verify", "--grace", "0", user="auditor")
    assert ran.code == 0, ran.out + ran.err
    assert set(evidence.keys(deployment, "provenance/")) == {version.receipt for version in versions}
    assert len(evidence.keys(deployment, "journal/")) == len(versions)


def test_everything_is_let_in(alone: tuple[Terraform, Deployment]) -> None:
    assert wiring.problems(alone[0].show()) == []
