"""A stack on which the path "On AWS" of README.md runs, in a clone of the repository."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ... import local, package, paths, readback, readme
from ...deployment import Deployment
from ...readme import Line, Walk
from ..background import Background
from ..polling import eventually
from ..stack_setup import StackTeardown

NAME = "readme"
PATH = readme.lines(readme.README.read_text(), "On AWS")
OUTPUT = Line("terraform -chdir=terraform output -json")
SHOW = Line("terraform -chdir=terraform show -json")


@dataclass
class ReadmePath:
    """What the commands printed and made."""

    walk: Walk
    printed: dict[str, str] = field(default_factory=dict)
    # The variables file of scripts/package, and the zips by Lambda.
    packages: dict[str, dict[str, str]] = field(default_factory=dict)
    zips: dict[str, bytes] = field(default_factory=dict)
    stored: bool = False
    arns: set[str] = field(default_factory=set)
    remaining: list[str] = field(default_factory=list)
    buckets: list[str] = field(default_factory=list)


def prepare() -> ReadmePath:
    stack = paths.stack(NAME)
    running = local.up(stack, fresh=True)
    path = ReadmePath(Walk(stack, running))
    for line in PATH:
        if line.run:
            path.printed[line.command] = path.walk.run(line)
        elif "terraform.tfvars" in line.command:
            path.walk.edit_variables()
        if line.command == "scripts/package":
            _read_packages(path)
        if line.command.startswith("sluice upload"):
            outputs = json.loads(path.walk.run(OUTPUT))
            deployment = Deployment(stack, running, {name: output["value"] for name, output in outputs.items()})
            eventually(lambda found=deployment: _is_stored(found), "item of the uploaded file")
            path.stored = True
            path.arns = arns(json.loads(path.walk.run(SHOW)))
    deployer = Deployment(stack, running, {})
    path.buckets = [bucket["Name"] for bucket in deployer.client("s3").list_buckets()["Buckets"]]
    path.remaining = path.walk.run(Line("terraform -chdir=terraform state list")).split()
    return path


def _read_packages(path: ReadmePath) -> None:
    dist = path.walk.folder / "dist"
    path.packages = json.loads((dist / package.VARIABLES).read_text())["lambda_packages"]
    path.zips = {name: (dist / Path(entry["path"]).name).read_bytes() for name, entry in path.packages.items()}


def _is_stored(deployment: Deployment) -> bool:
    item = json.loads((paths.ROOT / "lambdas/ingest/tests/items/4EVR.json").read_text())
    return readback.item(deployment, (item["ArtistID"]["S"], item["ItemID"]["S"])) is not None


def arns(node: object) -> set[str]:
    """The ARN of every managed resource, by its attribute `arn`."""
    if isinstance(node, list):
        return {arn for child in node for arn in arns(child)}
    if not isinstance(node, dict):
        return set()
    arn = node.get("values", {}).get("arn") if node.get("mode") == "managed" else None
    return ({arn} if arn else set()) | {arn for child in node.values() for arn in arns(child)}


@pytest.fixture(scope="session")
def readme_path_started(stack_teardown: StackTeardown) -> Background[ReadmePath]:
    stack_teardown.register(NAME)
    return Background(prepare)


@pytest.fixture(scope="session")
def readme_path(readme_path_started: Background[ReadmePath]) -> ReadmePath:
    return readme_path_started.result()
