"""The inline policies of deployed roles: reads, changes and restores them."""

from __future__ import annotations

import json

from ..deployment import Deployment


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
