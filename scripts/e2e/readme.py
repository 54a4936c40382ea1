"""README.md's shell blocks, and the path "On AWS" walked line by line in a clone of the repository on a local stack."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import accounts, environment
from .accounts import Credentials
from .emulator import Emulator
from .paths import ROOT, Stack
from .terraform import QUICK, cli_config

README = ROOT / "README.md"
POLICIES = ROOT / "docs" / "deploy"
APPLIER = "applier"
# Of docs/deploy, what the emulator asks for on another resource than AWS, or by another name: `rights-elsewhere` in
# scripts/local/deviations.md.
_UNNAMED = (
    *("athena:CreateNamedQuery", "athena:CreateWorkGroup", "athena:DeleteNamedQuery", "athena:GetNamedQuery"),
    *("athena:ListTagsForResource", "cloudtrail:AddTags", "cloudtrail:ListTags", "cloudtrail:RemoveTags"),
    *("cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"),
    *("dynamodb:ListTagsOfResource", "dynamodb:TagResource", "kms:CreateAlias", "kms:DeleteAlias"),
    *("events:ListTagsForResource", "events:ListTargetsByRule", "events:PutTargets", "events:RemoveTargets"),
    "events:TagResource",
    *("lambda:CreateEventSourceMapping", "lambda:CreateFunction", "lambda:ListEventSourceMappings"),
    *("sns:GetSubscriptionAttributes", "sns:ListTagsForResource", "sns:SetSubscriptionAttributes"),
    *("sns:TagResource", "sns:Unsubscribe"),
)
_RULES = ("DeleteRule", "DescribeRule", "PutRule")


def emulator_rights(emulator: Emulator) -> dict:
    region, account = emulator.region, emulator.account
    statements = [
        (list(_UNNAMED), "*"),
        ([f"events:{action}" for action in _RULES], f"arn:aws:events:{region}:{account}:rule/default/sluice-dev-*"),
        (["glue:DeleteDatabase", "glue:GetDatabase"], f"arn:aws:glue:{region}:{account}:table/sluice_dev_*"),
    ]
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": on} for actions, on in statements],
    }


# A comment that begins like this says why a line is not for a machine: it needs a real account, or a person.
NOT_RUN = re.compile(r"  # (account|person):")
# Who runs what, by how the line begins; everything else is the person who applies.
_USERS = {"sluice upload": "uploader", "sluice status": "operator", "sluice quarantine": "operator"}
# What cargo and rustup need to find what is installed.
_BUILD = ("CARGO_", "RUSTUP_", "PIP_")


@dataclass(frozen=True)
class Line:
    text: str

    @property
    def run(self) -> bool:
        return NOT_RUN.search(self.text) is None

    @property
    def command(self) -> str:
        """Without its comment."""
        return re.split(r"  +# ", self.text)[0].strip()

    @property
    def user(self) -> str:
        return next((user for start, user in _USERS.items() if self.text.startswith(start)), APPLIER)


def lines(text: str, section: str) -> list[Line]:
    """The lines of the shell blocks under a heading, in order."""
    part = re.split(rf"(?m)^## {re.escape(section)}\n", text)
    if len(part) != 2:
        raise ValueError(f"the page has no section {section}")
    body = re.split(r"(?m)^## ", part[1])[0]
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```\n", body)
    return [Line(line) for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def sections(text: str) -> list[str]:
    """The headings under which there is a shell block."""
    return [heading for heading in re.findall(r"(?m)^## (.*)$", text) if lines(text, heading)]


def create_applier(stack: Stack, emulator: Emulator) -> Credentials:
    """A user with the policies of docs/deploy, and with what the emulator asks for elsewhere than AWS."""
    iam = accounts.client("iam", stack, emulator, Credentials(emulator.account, "root"))
    iam.create_user(UserName=APPLIER)
    for path in sorted(POLICIES.glob("*.json")):
        document = json.dumps(json.loads(path.read_text()), separators=(",", ":"))
        made = iam.create_policy(PolicyName=f"apply-{path.stem}", PolicyDocument=document)
        iam.attach_user_policy(UserName=APPLIER, PolicyArn=made["Policy"]["Arn"])
    iam.put_user_policy(UserName=APPLIER, PolicyName="emulator", PolicyDocument=json.dumps(emulator_rights(emulator)))
    key = iam.create_access_key(UserName=APPLIER)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


class Walk:
    """A clone, and a shell in it that remembers what was exported."""

    def __init__(self, stack: Stack, emulator: Emulator) -> None:
        self.stack = stack
        self.folder = stack.folder / "clone"
        shutil.rmtree(self.folder, ignore_errors=True)
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(self.folder)], check=True)
        # What is compiled already is not compiled again.
        (ROOT / "target").mkdir(exist_ok=True)
        (self.folder / "target").symlink_to(ROOT / "target")
        self._keys = {**accounts.load(stack), APPLIER: create_applier(stack, emulator)}
        self._emulator = emulator
        self._exports: list[str] = []
        config = stack.folder / "terraformrc"
        config.write_text(cli_config())
        self._env = {name: value for name, value in os.environ.items() if name.startswith(_BUILD)} | {
            "TF_CLI_CONFIG_FILE": str(config),
            "TF_IN_AUTOMATION": "true",
            # The provider waits for AWS most of the time: all at once.
            "TF_CLI_ARGS_apply": "-parallelism=64 -no-color",
            "TF_CLI_ARGS_destroy": "-parallelism=64 -no-color",
            "CHECKPOINT_DISABLE": "true",
            **QUICK,
        }

    def run(self, line: Line) -> str:
        """What the line prints. Terraform's question is answered with yes; an error raises with everything said."""
        if line.text.startswith("export "):
            self._exports.append(line.command)
            return ""
        tool = environment.tool(self.stack, self._emulator, self._keys[line.user])
        shell = "; ".join(["set -euo pipefail", *self._exports, line.text])
        ran = subprocess.run(
            ["bash", "-c", shell], cwd=self.folder, env=tool | self._env, input="yes\n", capture_output=True, text=True
        )
        with self.stack.terraform_log.open("a") as log:
            log.write(f"$ {line.text}\n{ran.stdout}{ran.stderr}\n")
        if ran.returncode:
            said = f"{ran.stdout[-4000:]}{ran.stderr[-4000:]}"
            raise AssertionError(f"README.md: `{line.command}` ended with {ran.returncode}:\n{said}")
        return ran.stdout

    def edit_variables(self) -> None:
        """What a person writes in terraform.tfvars: who may upload and operate, and here the second system too."""
        path: Path = self.folder / "terraform.tfvars"
        text = path.read_text()
        user = f"arn:aws:iam::{self._emulator.account}:user"
        for setting, name in (("uploader_principals", "uploader"), ("operator_principals", "operator")):
            text, count = re.subn(rf"(?m)^  # {setting} = .*$", f'  {setting} = ["{user}/{name}"]', text, count=1)
            assert count == 1, f"terraform.tfvars.example has no `{setting}` to uncomment"
        # `write_once`: see scripts/local/deviations.md.
        text += (
            "provenance = {\n  write_once = false\n  watch_ingest = true\n  timeout_s = 60\n"
            f'  auditor_principals = ["{user}/auditor"]\n  operator_principals = ["{user}/operator"]\n'
            f'  uploader_principals = ["{user}/uploader"]\n}}\n'
        )
        path.write_text(text)
