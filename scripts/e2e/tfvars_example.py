"""Terraform tests of terraform.tfvars.example, with its roles and with each other commented setting uncommented."""

from __future__ import annotations

import json
import re

from .paths import ROOT

EXAMPLE = ROOT / "terraform.tfvars.example"
SCHEMA = "order.schema.json"  # the schema file in the example
_SETTING = re.compile(r"^(?P<indent> *)# (?P<rest>[a-z_]+ += .*)$")
# Settings that are only valid together, by the first of them.
_TOGETHER = {"table": ("table", "schema_file"), "schema_file": ("table", "schema_file")}


def schema() -> str:
    """A schema of items with the table key that the example gives."""
    keys = {"OrderID": {"type": "object", "required": ["S"]}}
    return json.dumps({"type": "object", "required": ["OrderID"], "properties": keys})


def variants(text: str) -> dict[str, str]:
    """The example, and the example with one more setting, by name."""
    found = {"as_it_stands": text}
    before, mark, provenance = text.partition("# provenance = {\n")
    if not mark:
        raise ValueError(f"{EXAMPLE.name} has no commented `provenance`")
    lines = before.splitlines()
    for line in lines:
        if match := _SETTING.match(line):
            name = match["rest"].split()[0]
            wanted = _TOGETHER.get(name, (name,))
            found[name] = "\n".join(_uncommented(one, wanted) for one in lines) + "\n"
    block = [line.removeprefix("#").removeprefix(" ") for line in (mark + provenance).splitlines()]
    found["provenance"] = before + "\n".join(block) + "\n"
    other = [line for line in block if not line.startswith("  receipts_bucket ")]
    found["provenance_receipts_in_data_bucket"] = before + "\n".join(
        _uncommented(one, ("receipts_bucket",)) for one in other
    )
    return found


def _uncommented(line: str, names: tuple[str, ...]) -> str:
    """The line without the comment sign; the line that gives the same setting another value is left out."""
    match = _SETTING.match(line)
    if match and match["rest"].split()[0] in names:
        return match["indent"] + match["rest"]
    return "" if len(names) > 1 and line.split()[:1] in [[name] for name in names] else line


def _role(line: str) -> str:
    """The setting of a line if it makes a role."""
    match = _SETTING.match(line)
    name = match["rest"].split()[0] if match else ""
    return name if name.endswith("_principals") else "-"


def tests(text: str) -> str:
    """A Terraform test file with a plan of each variant.

    All have the roles of `ingest`: without them a check warns, which makes a test fail.
    """
    package = '{ path = "tests/package.txt", sha256 = filesha256("tests/package.txt"), architecture = "x86_64" }'
    packages = "".join(f"    {name} = {package}\n" for name in ("ingest", "provenance", "ledger"))
    runs = []
    lines = [_uncommented(line, (setting,)) for line in text.splitlines() for setting in [_role(line)]]
    for name, variables in variants("\n".join(lines) + "\n").items():
        own = variables.replace('"x86_64"', '"arm64"') if name == "architecture" else variables
        own_packages = packages.replace('"x86_64"', '"arm64"') if name == "architecture" else packages
        account = "" if name == "account_id" else '  account_id = "111122223333"\n'
        runs.append(
            f'run "{name}" {{\n  command = plan\n  variables {{\n{account}  lambda_packages = {{\n{own_packages}  }}\n'
            f"{own}\n  }}\n}}\n"
        )
    return 'mock_provider "aws" {\n  source = "./tests/mocks"\n}\n\n' + "\n".join(runs)
