"""`sluice --deployment`: outputs of a configuration with several deployments; and the environment of `run-local`."""

from __future__ import annotations

import copy
import json
import uuid

import pytest

from ..deployment import Deployment
from ..ingest_events import object_created
from ..scenario import music
from ..sluice import Sluice

# Every command that reads outputs.
COMMANDS = (
    "upload one.json",
    "quarantine list",
    "quarantine show a",
    "quarantine check a",
    "quarantine remove a --yes",
    "quarantine release a",
    "redrive",
    "backfill",
    "reconcile",
    "status",
    "bootstrap --markers",
    "ingest run-local event.json",
    "schema check one.json",
    "verify",
    "smoke provenance",
    "provenance backfill",
)


@pytest.fixture
def two(sluice: Sluice, deployment: Deployment) -> Sluice:
    """`sluice` with the outputs of two deployments: an output `eu`, and a key of `deployments` for another Region."""
    found = deployment.outputs
    other = found | {"deployment": found["deployment"] | {"region": "us-east-1"}, "ingest": None}
    outputs = {"eu": {"sensitive": False, "value": found}, "deployments": {"value": {"us": other}}}
    sluice.outputs.write_text(json.dumps(outputs))
    sluice.write("one.json", music("Deployments", f"TRACK#{uuid.uuid4().hex[:8]}"))
    sluice.write("event.json", b"{}")
    return sluice


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_needs_a_known_deployment(command: str, two: Sluice) -> None:
    for arguments in ([], ["--deployment", "asia"]):
        completed = two(*command.split(), *arguments)
        assert completed.code == 2 and "`eu`, `us`" in completed.err, completed.out + completed.err
        assert ("`asia`" in completed.err) == bool(arguments)


def test_commands_use_the_chosen_deployment(two: Sluice, deployment: Deployment) -> None:
    """By option and by variable; the ingest is off in the other deployment."""
    uploaded = two("--deployment", "eu", "upload", "one.json", user="uploader")
    assert uploaded.code == 0 and deployment.ingest.processing in uploaded.out, uploaded.out + uploaded.err
    assert two("status", SLUICE_DEPLOYMENT="eu").code == 0
    off = two("upload", "one.json", "--deployment", "us", user="uploader")
    assert off.code == 2 and "the ingest is off" in off.err, off.out + off.err


def test_a_single_deployment_needs_no_key(sluice: Sluice, deployment: Deployment) -> None:
    sluice.outputs.write_text(json.dumps({"only": {"value": deployment.outputs}}))
    sluice.run("quarantine", "list", "--prefix", "nowhere/")
    sluice.run("quarantine", "list", "--prefix", "nowhere/", "--deployment", "only")


def test_run_local_takes_the_environment_of_the_outputs(sluice: Sluice, deployment: Deployment) -> None:
    """It looks for the schema that the environment names; outputs of an older version have no environment."""
    outputs = copy.deepcopy(deployment.outputs)
    key, version = "run-local/missing.json", str(uuid.uuid4())
    sluice.write("event.json", json.dumps(object_created(deployment, key, version, 1)).encode())
    outputs["ingest"]["environment"]["ingest"]["SCHEMA_SHA256"] = "0" * 64
    sluice.outputs.write_text(json.dumps(outputs))
    changed = sluice("ingest", "run-local", "event.json", user="deployer")
    assert changed.code == 1 and "GetObject of the schema" in changed.out, changed.out + changed.err
    del outputs["ingest"]["environment"]
    sluice.outputs.write_text(json.dumps(outputs))
    old = sluice("ingest", "run-local", "event.json", user="deployer")
    assert old.code == 2 and "no `ingest.environment`: run `terraform apply`" in old.err, old.out + old.err
