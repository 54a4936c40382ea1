"""What looks at the whole session: a second plan, then destroy. Both run last."""

from __future__ import annotations

import pytest

from .. import deviations
from ..deployment import Deployment
from ..run import sweep
from ..terraform import Terraform
from .conftest import REUSE, checkout


def test_second_plan(second_plan: dict) -> None:
    """Applied once, nothing is left to change, after everything the tests did."""
    assert deviations.unexpected(second_plan) == []


@pytest.mark.skipif(REUSE, reason="SLUICE_E2E_REUSE keeps the stack")
def test_destroy(terraform: Terraform, deployment: Deployment) -> None:
    """003.1: with force_destroy everything goes, filled buckets included."""
    sweep(deployment)
    terraform.destroy()
    assert terraform.state() == []
    assert deployment.client("s3").list_buckets()["Buckets"] == []


def test_the_checkout_is_as_it_was(before: str, terraform: Terraform) -> None:
    """Terraform ran on a copy: its lock file, its state and its override are not in the root module."""
    assert checkout() == before
