"""The inline policies of deployed roles: reads, changes and restores them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ..deployment import Deployment

# The use of the KMS key for encrypted buckets: see terraform/modules/role.
ENCRYPTED_BUCKETS = "encrypted-buckets"
_CALLS = {"ReadEncrypted": "kms:Decrypt", "WriteEncrypted": "kms:GenerateDataKey"}


def all_statements(deployment: Deployment, role_arn: str) -> dict[str, list[dict]]:
    """The statements of every inline policy of a role, by policy."""
    name = role_arn.rpartition("/")[2]
    names = deployment.client("iam").list_role_policies(RoleName=name)["PolicyNames"]
    return {policy: statements(deployment, role_arn, policy) for policy in names}


def statements(deployment: Deployment, role_arn: str, policy: str) -> list[dict]:
    name = role_arn.rpartition("/")[2]
    return deployment.client("iam").get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]["Statement"]


def write(deployment: Deployment, role_arn: str, policy: str, found: list[dict]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": found})
    name = role_arn.rpartition("/")[2]
    deployment.client("iam").put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)


def listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def allowed(found: list[dict]) -> set[tuple[str, str]]:
    """Sid and action of each allowed action."""
    return {
        (statement["Sid"], action)
        for statement in found
        if statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
    }


def key_use(sids: Iterable[str]) -> set[tuple[str, str]]:
    """Sid and action of the statements on the KMS key."""
    return {(sid, _CALLS[sid]) for sid in sids}


def assert_only_through_s3(deployment: Deployment, found: list[dict]) -> None:
    """Each statement on the KMS key is limited to the deployment's key and to requests through S3.

    The emulator encrypts without these permissions, and its simulation ignores the context: the text is checked.
    """
    for statement in found:
        assert statement["Effect"] == "Allow" and statement["Action"] == _CALLS[statement["Sid"]]
        assert statement["Condition"] == {
            "StringEquals": {"kms:ViaService": [f"s3.{deployment.emulator.region}.amazonaws.com"]},
            "ForAnyValue:StringEquals": {"kms:ResourceAliases": [f"alias/sluice-{deployment.stack.name}"]},
        }


def without(found: list[dict], sid: str, action: str) -> list[dict]:
    """The statements without one action of one of them."""
    left = []
    for statement in found:
        actions = [one for one in listed(statement["Action"]) if (statement["Sid"], one) != (sid, action)]
        if actions:
            left.append(statement | {"Action": actions})
    return left


class WithoutStatement:
    """Removes a statement from a policy of a role for the duration of a block."""

    def __init__(self, deployment: Deployment, role_arn: str, policy: str, sid: str) -> None:
        self._target = (deployment, role_arn, policy)
        self._sid = sid

    def __enter__(self) -> None:
        self._before = statements(*self._target)
        remaining = [statement for statement in self._before if statement["Sid"] != self._sid]
        assert len(remaining) < len(self._before)
        write(*self._target, remaining)

    def __exit__(self, *error: object) -> None:
        write(*self._target, self._before)
