"""A stack with one configuration in two Regions: terraform/examples/multi-region."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ... import accounts, local, paths
from ...deployment import Deployment
from ...terraform import Example
from ..background import Background
from ..stack_setup import StackTeardown, destroy, plan_and_apply, remaining_buckets

NAME = "regions"
EXAMPLE = "multi-region"
REGIONS = ("us-east-1", "eu-west-1")
# As in the variables of the other stacks. The emulator has the account with which the example can only be planned.
OVERRIDE = """
locals {
  plan_only = false
}
"""
MODULE_OVERRIDE = """
module "%(module)s" {
  allow_destroy = true
  ingest = merge(local.ingest, {
    uploader_principals = ["arn:aws:iam::${var.account_id}:user/uploader"]
    operator_principals = ["arn:aws:iam::${var.account_id}:user/operator"]
  })
  provenance = merge(local.provenance, { write_once = false, timeout_s = 60 })
}
"""


@dataclass(frozen=True)
class TwoRegions:
    """The deployments by Region, and the file with the outputs of the configuration for `sluice`."""

    terraform: Example
    deployments: dict[str, Deployment]
    outputs: Path
    second_plan: dict


def prepare(packages: Background[None]) -> TwoRegions:
    stack = paths.stack(NAME)
    running = local.up(stack, fresh=True)
    override = OVERRIDE + "".join(MODULE_OVERRIDE % {"module": region.replace("-", "_")} for region in REGIONS)
    terraform = Example(stack, running, accounts.load(stack)["deployer"], EXAMPLE, override)
    plan_and_apply(terraform, packages)
    outputs = terraform.outputs()
    stack.outputs.write_text(json.dumps({name: {"value": value} for name, value in outputs.items()}))
    deployments = {
        region: Deployment(stack, replace(running, region=region), outputs["deployments"][region]) for region in REGIONS
    }
    return TwoRegions(terraform, deployments, stack.outputs, terraform.plan("second"))


def leave(made: TwoRegions) -> list[str]:
    """What remains after destroy; stops the stack."""
    problems = [*destroy(made.terraform), *remaining_buckets(made.deployments[REGIONS[0]])]
    local.down(made.terraform.stack)
    return problems


@pytest.fixture(scope="session")
def two_regions_started(packages_started: Background[None], stack_teardown: StackTeardown) -> Background[TwoRegions]:
    stack_teardown.register(NAME)
    return Background(lambda: prepare(packages_started))


@pytest.fixture(scope="session")
def two_regions(two_regions_started: Background[TwoRegions], stack_teardown: StackTeardown) -> Iterator[TwoRegions]:
    made = two_regions_started.result()
    yield made
    stack_teardown.check(NAME, lambda: leave(made))
