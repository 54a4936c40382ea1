"""How a fixture of `stacks/` makes its stack, and how all stacks of a session end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import accounts, deviations, local, paths
from ..deployment import Deployment
from ..terraform import ROOT_MODULE, Terraform
from .background import Background

# Each needs one core for most of the time, in which it does not wait for AWS.
MAX_CONCURRENT_APPLIES = 2
applying = threading.Semaphore(MAX_CONCURRENT_APPLIES)


@dataclass(frozen=True)
class AppliedStack:
    terraform: Terraform
    deployment: Deployment


def apply(name: str, packages: Background[None], **changes: object) -> AppliedStack:
    """Starts the stack `name` and applies the root module; `changes` changes its variables as in `Terraform`."""
    stack = paths.stack(name)
    emulator = local.up(stack, fresh=True)
    terraform = Terraform(stack, emulator, accounts.load(stack)["deployer"], **changes)
    plan_and_apply(terraform, packages)
    return AppliedStack(terraform, Deployment(stack, emulator, terraform.outputs()))


def plan_and_apply(terraform: Terraform, packages: Background[None], source: Path = ROOT_MODULE) -> None:
    """Applies the root module, or the one in the folder `source`."""
    packages.result()
    with applying:
        terraform.init(source)
        terraform.plan()
        terraform.apply()


def leftovers(terraform: Terraform, deployment: Deployment) -> list[str]:
    """What a plan would change now, and what remains after destroy, one line each; stops the stack."""
    changes = deviations.unexpected(terraform.plan("last"))
    problems = [
        *(f"a plan after the tests would change {change}" for change in changes),
        *destroy(terraform),
        *remaining_buckets(deployment),
    ]
    local.down(terraform.stack)
    return problems


def destroy(terraform: Terraform) -> list[str]:
    """What remains in the state after destroy."""
    terraform.destroy()
    return [f"`{address}` remains in the state after destroy" for address in terraform.state()]


def remaining_buckets(deployment: Deployment) -> list[str]:
    buckets = deployment.client("s3").list_buckets()["Buckets"]
    return [f"bucket `{bucket['Name']}` remains after destroy" for bucket in buckets]


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
