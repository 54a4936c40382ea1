"""The current root module on a deployment that an earlier version made: everything is kept."""

from __future__ import annotations

import pytest

from .. import deviations, readback
from ..terraform import ROOT_MODULE
from .stacks.upgrade import ITEM_AFTER, ITEM_BEFORE, Upgraded, UpgradedDeployment

# The only type of which an upgrade may add resources: policies that were a part of another policy.
ADDED = "aws_iam_role_policy"


@pytest.fixture(params=["both", "alone", pytest.param("other", marks=pytest.mark.slow)])
def upgraded(request: pytest.FixtureRequest, upgrade: Upgraded) -> UpgradedDeployment:
    return upgrade[request.param]


def updates(plan: dict) -> list[str]:
    """The attributes that a plan changes in place, one line for each resource."""
    return [
        f"{entry['address']}: {', '.join(sorted(changed_attributes(entry['change'])))}"
        for entry in plan["resource_changes"]
        if entry["change"]["actions"] == ["update"]
    ]


def changed_attributes(change: dict) -> set[str]:
    before, after = change["before"], change["after"]
    return {name for name in after.keys() | change["after_unknown"].keys() if before.get(name) != after.get(name)}


def test_nothing_is_destroyed_or_replaced(upgraded: UpgradedDeployment) -> None:
    """The plan of the upgrade only updates in place; it adds nothing but inline policies of roles."""
    entries = upgraded.upgrade_plan["resource_changes"]
    unexpected = [
        f"{entry['address']}: {'/'.join(entry['change']['actions'])}"
        for entry in entries
        if entry["change"]["actions"] not in (["no-op"], ["read"], ["update"])
        and not (entry["change"]["actions"] == ["create"] and entry["type"] == ADDED)
    ]
    assert any("previous_address" in entry for entry in entries), "no address has moved: is it an earlier version?"
    assert not unexpected, "\n".join([*unexpected, "in place:", *updates(upgraded.upgrade_plan)])


def test_data_is_kept(upgraded: UpgradedDeployment) -> None:
    """The item from before the upgrade is there, and the ingest stores another one."""
    for item in (ITEM_BEFORE, ITEM_AFTER):
        assert readback.item(upgraded.deployment, item), item


def test_the_plan_after_the_upgrade_is_empty(upgraded: UpgradedDeployment) -> None:
    assert deviations.unexpected(upgraded.second_plan) == []


def test_the_lock_file_is_kept(upgraded: UpgradedDeployment) -> None:
    """`terraform init` finds the provider that is locked, and does not change the file."""
    name = ".terraform.lock.hcl"
    assert (upgraded.terraform.folder / name).read_text() == (ROOT_MODULE / name).read_text()
