"""What looks at the whole session: a second plan, then destroy. Both run last."""

from __future__ import annotations

import pytest

from .. import deviations
from ..deployment import Deployment
from ..terraform import Terraform
from .conftest import REUSE, checkout

# Keys that a listing can hold URL-encoded only, or that a decoder might take for encoded ones.
AWKWARD = ("100% a+b%41", "\x01", "line\r\nfeed", "\ufffe\uffff.json")


def test_second_plan(second_plan: dict) -> None:
    """Applied once, nothing is left to change, after everything the tests did."""
    assert deviations.unexpected(second_plan) == []


@pytest.mark.skipif(REUSE, reason="SLUICE_E2E_REUSE keeps the stack")
def test_destroy(terraform: Terraform, deployment: Deployment) -> None:
    """003.1: with force_destroy everything goes, filled buckets included."""
    s3 = deployment.client("s3")
    for key in AWKWARD:
        s3.put_object(Bucket=deployment.provenance.data, Key=f"elsewhere/{key}", Body=b"{")
    terraform.destroy()
    assert terraform.state() == []
    assert s3.list_buckets()["Buckets"] == []


def test_the_checkout_is_as_it_was(before: str, terraform: Terraform) -> None:
    """Terraform ran on a copy: its lock file, its state and its override are not in the root module."""
    assert checkout() == before
