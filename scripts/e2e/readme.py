"""The shell blocks of README.md, and a run of its path "On AWS" in a clone of the repository, on a local stack."""

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
# Actions in docs/deploy that the emulator checks on another resource than AWS, or by another name: `rights-elsewhere`
# in scripts/local/deviations.md.
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


def emulator_policy(emulator: Emulator) -> dict:
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


# A comment with this prefix gives the reason why the test cannot run a line: it needs a real account, or a person.
NOT_RUN = re.compile(r"  # (account|person):")
# The user of a line, by its prefix; all other lines are run by the user who applies.
_USERS = {"sluice upload": "uploader", "sluice status": "operator", "sluice quarantine": "operator"}
# Variables with which cargo and rustup find their installation.
_BUILD = ("CARGO_", "RUSTUP_", "PIP_")


@dataclass(frozen=True)
class Line:
    text: str

    @property
    def run(self) -> bool:
        return NOT_RUN.search(self.text) is None

    @property
    def command(self) -> str:
        """The line without its comment."""
        return re.split(r"  +# ", self.text)[0].strip()

    @property
    def user(self) -> str:
        return next((user for start, user in _USERS.items() if self.text.startswith(start)), APPLIER)


def lines(text: str, section: str) -> list[Line]:
    """The lines of the shell blocks under a heading, in order."""
    part = re.split(rf"(?m)^## {re.escape(section)}\n", text)
    if len(part) != 2:
        raise ValueError(f"the page has no section `{section}`")
    body = re.split(r"(?m)^## ", part[1])[0]
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```\n", body)
    return [Line(line) for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def sections(text: str) -> list[str]:
    """The headings of sections with a shell block."""
    return [heading for heading in re.findall(r"(?m)^## (.*)$", text) if lines(text, heading)]


def create_applier(stack: Stack, emulator: Emulator) -> Credentials:
    """Creates a user with the policies of docs/deploy, and with the permissions that only the emulator requires."""
    iam = accounts.client("iam", stack, emulator, Credentials(emulator.account, "root"))
    iam.create_user(UserName=APPLIER)
    for path in sorted(POLICIES.glob("*.json")):
        document = json.dumps(json.loads(path.read_text()), separators=(",", ":"))
        made = iam.create_policy(PolicyName=f"apply-{path.stem}", PolicyDocument=document)
        iam.attach_user_policy(UserName=APPLIER, PolicyArn=made["Policy"]["Arn"])
    iam.put_user_policy(UserName=APPLIER, PolicyName="emulator", PolicyDocument=json.dumps(emulator_policy(emulator)))
    key = iam.create_access_key(UserName=APPLIER)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


class Walk:
    """A clone, and a shell in it that keeps exported variables."""

    def __init__(self, stack: Stack, emulator: Emulator) -> None:
        self.stack = stack
        self.folder = stack.folder / "clone"
        shutil.rmtree(self.folder, ignore_errors=True)
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(self.folder)], check=True)
        # Shared, so that nothing is compiled twice.
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
            # The provider mostly waits for AWS.
            "TF_CLI_ARGS_apply": "-parallelism=64 -no-color",
            "TF_CLI_ARGS_destroy": "-parallelism=64 -no-color",
            "CHECKPOINT_DISABLE": "true",
            **QUICK,
        }

    def run(self, line: Line) -> str:
        """Runs the line, with the answer `yes` to Terraform's question; returns its output. Raises on an error."""
        if line.text.startswith("export "):
            self._exports.append(line.command)
            return ""
        tool = environment.tool(self.stack, self._emulator, self._keys[line.user])
        shell = "; ".join(["set -euo pipefail", *self._exports, line.text])
        completed = subprocess.run(
            ["bash", "-c", shell], cwd=self.folder, env=tool | self._env, input="yes\n", capture_output=True, text=True
        )
        with self.stack.terraform_log.open("a") as log:
            log.write(f"$ {line.text}\n{completed.stdout}{completed.stderr}\n")
        if completed.returncode:
            output = f"{completed.stdout[-4000:]}{completed.stderr[-4000:]}"
            raise AssertionError(f"README.md: `{line.command}` exited with {completed.returncode}:\n{output}")
        return completed.stdout

    def edit_variables(self) -> None:
        """Edits terraform.tfvars as a person would: sets who has access, and adds provenance."""
        path: Path = self.folder / "terraform.tfvars"
        text = path.read_text()
        user = f"arn:aws:iam::{self._emulator.account}:user"
        for setting, value in (
            ("uploader_principals", f'["{user}/uploader"]'),
            ("operator_principals", f'["{user}/operator"]'),
            ("uploader_user", '"sluice-dev-upload"'),
        ):
            text, count = re.subn(rf"(?m)^  # {setting} += .*$", f"  {setting} = {value}", text, count=1)
            assert count == 1, f"terraform.tfvars.example has no `{setting}` to uncomment"
        # `write_once`: see scripts/local/deviations.md.
        text += (
            'provenance = {\n  write_once = false\n  watch = ["ingest"]\n  timeout_s = 60\n'
            f'  auditor_principals = ["{user}/auditor"]\n  operator_principals = ["{user}/operator"]\n'
            f'  uploader_principals = ["{user}/uploader"]\n}}\n'
        )
        path.write_text(text)
