"""The Athena resources in a plan of the root module, made without credentials and without a backend."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .paths import ROOT
from .terraform import BACKEND, QUICK, SCHEMA_FILE, cli_config, left_out

ACCOUNT = "111122223333"
# Variables by name of the plan: `provenance` with the names of an existing pipeline, and both systems.
VARIABLES = {
    "alone": {
        "project": "caa304",
        "environment": "prod",
        "region": "us-east-1",
        "provenance": {
            "data_bucket": {"name": "caa304-raw-data"},
            "trail": {"bucket_name": "caa304-cloudtrail-log"},
            "names": {"function": "secure-provenance-lambda"},
        },
    },
    "both": {
        "environment": "staging",
        "region": "eu-central-1",
        "ingest": {
            "prefix": "incoming/",
            "schema_file": SCHEMA_FILE,
            "table": {"hash_key": "ArtistID", "range_key": ""},
        },
        "provenance": {"watch": ["ingest"], "prefixes": ["incoming/", "reports/"]},
    },
}


@dataclass(frozen=True)
class Planned:
    """Tables by name with their planned attributes; views and named queries by name, in Athena's SQL."""

    tables: dict[str, dict[str, Any]]
    views: dict[str, dict[str, Any]]
    queries: dict[str, str]
    trails: list[dict[str, Any]]


class Root:
    """A copy of the root module, initialised once for several plans."""

    def __init__(self, folder: Path) -> None:
        self._module = folder / "terraform"
        shutil.copytree(ROOT / "terraform", self._module, ignore=left_out)
        (self._module / "backend_override.tf").write_text(BACKEND)
        config = folder / "terraformrc"
        config.write_text(cli_config())
        # AWS is not called, and the caller's credentials are not passed on.
        self._env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))} | {
            "TF_CLI_CONFIG_FILE": str(config),
            "TF_IN_AUTOMATION": "true",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **QUICK,
        }
        package = {
            "path": "tests/package.txt",
            "sha256": hashlib.sha256((self._module / "tests/package.txt").read_bytes()).hexdigest(),
        }
        variables = {
            "account_id": ACCOUNT,
            "lambda_packages": {name: package for name in ("ingest", "provenance", "ledger")},
        }
        (self._module / "packages.auto.tfvars.json").write_text(json.dumps(variables))
        self._run("init", "-input=false")

    def plan(self, name: str) -> Planned:
        """Plans with these `VARIABLES`."""
        (self._module / f"{name}.tfvars.json").write_text(json.dumps(VARIABLES[name]))
        self._run("plan", "-input=false", f"-var-file={name}.tfvars.json", f"-out={name}.tfplan")
        shown = json.loads(self._run("show", "-json", f"{name}.tfplan"))
        found = list(_resources(shown["planned_values"]["root_module"]))
        tables = [values for kind, values in found if kind == "aws_glue_catalog_table"]
        return Planned(
            tables={table["name"]: table for table in tables if table["table_type"] == "EXTERNAL_TABLE"},
            views={table["name"]: _view(table) for table in tables if table["table_type"] == "VIRTUAL_VIEW"},
            queries={values["name"]: values["query"] for kind, values in found if kind == "aws_athena_named_query"},
            trails=[values for kind, values in found if kind == "aws_cloudtrail"],
        )

    def _run(self, verb: str, *arguments: str) -> str:
        colour = [] if verb == "show" else ["-no-color"]
        command = ["terraform", f"-chdir={self._module}", verb, *colour, *arguments]
        result = subprocess.run(command, env=self._env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if result.returncode:
            raise SystemExit(f"terraform {verb} failed:\n{result.stdout}{result.stderr}")
        return result.stdout


def _resources(module: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from ((entry["type"], entry["values"]) for entry in module.get("resources", []))
    for child in module.get("child_modules", []):
        yield from _resources(child)


def _view(table: dict[str, Any]) -> dict[str, Any]:
    """The view as Athena reads it: `originalSql`, `schema`, `columns`; and `glue`, the columns of the Glue table."""
    text = table["view_original_text"]
    prefix, suffix = "/* Presto View: ", " */"
    assert text.startswith(prefix) and text.endswith(suffix)
    view = json.loads(base64.b64decode(text[len(prefix) : -len(suffix)]))
    return view | {"glue": [(column["name"], column["type"]) for column in table["storage_descriptor"][0]["columns"]]}
