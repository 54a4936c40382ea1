"""README.md is true: its path "On AWS" runs line by line from an empty clone, with the rights of docs/deploy."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .. import build, facts, local, package, paths, readme
from ..deployment import Deployment
from ..readme import Line, Walk
from . import ahead
from .waiting import eventually

AWS = readme.lines(readme.README.read_text(), "On AWS")
# Each line that is not run, and why the page says so.
NOT_RUN = [
    ("account", "aws sso login --profile sluice"),
    ("account", "export AWS_PROFILE=sluice"),
    ("person", '"${EDITOR:-vi}" terraform.tfvars'),
]
# Lines of the other sections; what they do is shown elsewhere.
ELSEWHERE = {
    "scripts/demo": "CI and whoever tries it",
    "scripts/test": "what runs this",
    "cargo install --locked --path policy-lint": "the hooks and the action build it",
}


@dataclass
class Walked:
    """What was seen on the way."""

    walk: Walk
    printed: dict[str, str] = field(default_factory=dict)
    # What scripts/package made: the variables file, and the zips by Lambda.
    packages: dict[str, dict[str, str]] = field(default_factory=dict)
    zips: dict[str, bytes] = field(default_factory=dict)
    stored: bool = False
    arns: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)
    buckets: list[str] = field(default_factory=list)


def walked() -> Walked:
    stack = paths.stack("readme")
    running = local.up(stack, fresh=True)
    seen = Walked(Walk(stack, running))
    for line in AWS:
        if line.run:
            seen.printed[line.command] = seen.walk.run(line)
        elif "terraform.tfvars" in line.command:
            seen.walk.edit_variables()
        if line.command == "scripts/package":
            dist = seen.walk.folder / "dist"
            seen.packages = json.loads((dist / package.VARIABLES).read_text())["lambda_packages"]
            seen.zips = {name: (dist / Path(entry["path"]).name).read_bytes() for name, entry in seen.packages.items()}
        if line.command.startswith("sluice upload"):
            outputs = json.loads(seen.walk.run(Line("terraform -chdir=terraform output -json")))
            deployment = Deployment(stack, running, {name: output["value"] for name, output in outputs.items()})
            eventually(lambda found=deployment: _is_stored(found), "the item of the uploaded file")
            seen.stored = True
            seen.arns = arns(json.loads(seen.walk.run(Line("terraform -chdir=terraform show -json"))))
    deployer = Deployment(stack, running, {})
    seen.buckets = [bucket["Name"] for bucket in deployer.client("s3").list_buckets()["Buckets"]]
    seen.left = seen.walk.run(Line("terraform -chdir=terraform state list")).split()
    return seen


def arns(node: object) -> set[str]:
    """The ARN of every resource that was made, as its attribute `arn` says it."""
    if isinstance(node, list):
        return {arn for child in node for arn in arns(child)}
    if not isinstance(node, dict):
        return set()
    arn = node.get("values", {}).get("arn") if node.get("mode") == "managed" else None
    return ({arn} if arn else set()) | {arn for child in node.values() for arn in arns(child)}


def _is_stored(deployment: Deployment) -> bool:
    item = json.loads((paths.ROOT / "lambdas/ingest/tests/items/4EVR.json").read_text())
    return facts.item(deployment, (item["ArtistID"]["S"], item["ItemID"]["S"])) is not None


@pytest.fixture(scope="module")
def path() -> Walked:
    try:
        return ahead.of(walked)
    finally:
        local.down(paths.stack("readme"))


@pytest.mark.slow
def test_the_path_on_aws_runs_line_by_line(path: Walked) -> None:
    """From a clone without anything in it to a stored item, as a user who has the policies of docs/deploy only."""
    assert path.stored
    [bootstrapped] = [text for command, text in path.printed.items() if command == "sluice bootstrap"]
    assert "backend.conf written" in bootstrapped
    [linted] = [text for command, text in path.printed.items() if "policy-lint check -" in command]
    assert "error" not in linted


@pytest.mark.slow
def test_everything_that_was_made_is_within_the_rights(path: Walked) -> None:
    """What the emulator asks for on any resource is limited to names of the deployment all the same."""
    documents = [json.loads(file.read_text()) for file in readme.POLICIES.glob("*.json")]
    named = [statement["Resource"] for document in documents for statement in document["Statement"]]
    patterns = [pattern for one in named for pattern in ([one] if isinstance(one, str) else one) if pattern != "*"]
    assert len(path.arns) > 50
    assert [arn for arn in sorted(path.arns) if not any(fnmatch.fnmatchcase(arn, one) for one in patterns)] == []


@pytest.mark.slow
def test_destroy_leaves_nothing_but_the_state(path: Walked) -> None:
    """Deletion protection and buckets with files in them included."""
    assert path.left == []
    assert [name.partition("-eu-")[0] for name in path.buckets] == ["sluice-tfstate"]


def test_what_is_left_to_people_is_this_and_nothing_more() -> None:
    left = [line for line in AWS if not line.run]
    found = [(match[1], line.command) for line in left if (match := readme.NOT_RUN.search(line.text))]
    assert found == NOT_RUN


def test_every_other_block_runs() -> None:
    text = readme.README.read_text()
    assert readme.sections(text) == ["Two commands", "On AWS", "The linter alone"]
    others = [line for section in ("Two commands", "The linter alone") for line in readme.lines(text, section)]
    assert {line.command for line in others} >= set(ELSEWHERE), "remove from ELSEWHERE what README does not have"
    programs = build.binaries()["policy-lint"].parent
    for line in others:
        if line.command not in ELSEWHERE:
            shell = f'PATH="{programs}:$PATH"; {line.text}'
            # `.` is the reader's own repository: here a folder of policies.
            ran = subprocess.run(["bash", "-c", shell], cwd=readme.POLICIES, capture_output=True, text=True)
            assert ran.returncode == 0, f"{line.text}\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}"


def test_the_rights_of_docs_deploy_pass_the_linter() -> None:
    """What the page hands out is judged like everything else, and fits into managed policies."""
    files = sorted(readme.POLICIES.glob("*.json"))
    assert [file.stem for file in files] == ["services", "storage"]
    command = [str(build.binaries()["policy-lint"]), "check", *map(str, files)]
    ran = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True)
    assert ran.returncode == 0 and "2 policies" in ran.stdout + ran.stderr, ran.stdout + ran.stderr


def test_the_rights_are_adapted_as_documented(tmp_path: Path) -> None:
    """docs/deploy.md: another environment, region and account by one command."""
    [expression] = re.findall(r"(?m)^ *(sed '[^']*') ", (paths.ROOT / "docs" / "deploy.md").read_text())
    for file in readme.POLICIES.glob("*.json"):
        adapted = tmp_path / file.name
        shell = f'{expression} "{file}" > "{adapted}"'
        subprocess.run(["bash", "-c", shell], check=True)
        text = adapted.read_text()
        assert "sluice-prod-" in text
        assert not re.search(r"sluice[-_]dev|dev\.tfstate|\"dev\"|eu-central-1|111122223333", text)
        command = [str(build.binaries()["policy-lint"]), "check", str(adapted)]
        ran = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
