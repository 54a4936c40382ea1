"""How a fixture of `stacks/` makes its stack, and how all stacks of a session end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from .. import accounts, deviations, local, paths
from ..deployment import Deployment
from ..terraform import Terraform
from .background import Background

# Each needs one core for most of the time, in which it does not wait for AWS.
MAX_CONCURRENT_APPLIES = 2
_applying = threading.Semaphore(MAX_CONCURRENT_APPLIES)


@dataclass(frozen=True)
class AppliedStack:
    terraform: Terraform
    deployment: Deployment


def apply(name: str, packages: Background[None], **systems: dict | None) -> AppliedStack:
    """Starts the stack `name` and applies the root module; `systems` changes its variables as in `Terraform`."""
    stack = paths.stack(name)
    emulator = local.up(stack, fresh=True)
    terraform = Terraform(stack, emulator, accounts.load(stack)["deployer"], **systems)
    plan_and_apply(terraform, packages)
    return AppliedStack(terraform, Deployment(stack, emulator, terraform.outputs()))


def plan_and_apply(terraform: Terraform, packages: Background[None]) -> None:
    packages.result()
    with _applying:
        terraform.init()
        terraform.plan()
        terraform.apply()


def leftovers(terraform: Terraform, deployment: Deployment) -> list[str]:
    """What a plan would change now, and what remains after destroy, one line each; stops the stack."""
    changes = deviations.unexpected(terraform.plan("last"))
    terraform.destroy()
    resources = terraform.state()
    buckets = [bucket["Name"] for bucket in deployment.client("s3").list_buckets()["Buckets"]]
    local.down(terraform.stack)
    return [
        *(f"a plan after the tests would change {change}" for change in changes),
        *(f"`{address}` remains in the state after destroy" for address in resources),
        *(f"bucket `{name}` remains after destroy" for name in buckets),
    ]


class StackTeardown:
    """Stops the stacks of a session; before that, runs the checks that they have to pass, all at once."""

    def __init__(self, interrupted: Callable[[], bool]) -> None:
        """Where the session was `interrupted`, stacks are stopped without their checks."""
        self._interrupted = interrupted
        self._names: list[str] = []
        self._checks: dict[str, Background[list[str]]] = {}

    def register(self, name: str) -> None:
        """The stack is stopped at the end of the session, even if it could not be set up."""
        self._names.append(name)

    def check(self, name: str, problems: Callable[[], list[str]]) -> None:
        """Starts the check of a stack that no test uses any more."""
        if not self._interrupted():
            self._checks[name] = Background(problems)

    def finish(self) -> list[str]:
        """Stops the stacks; returns the problems that the checks found."""
        try:
            return [f"stack `{name}`: {problem}" for name, check in self._checks.items() for problem in check.result()]
        finally:
            for name in self._names:
                if paths.stack(name).folder.exists():
                    local.down(paths.stack(name))
