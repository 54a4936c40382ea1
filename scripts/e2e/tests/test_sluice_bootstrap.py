"""`sluice bootstrap`: from nothing to an applied root module whose state is in the bucket it made."""

# ruff: noqa: F811 - imported fixtures are named again by those who use them

from __future__ import annotations

import datetime
import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .. import accounts, emulator, environment
from ..deployment import Deployment
from ..paths import ROOT
from ..sluice import Sluice
from ..terraform import QUICK, left_out
from . import ahead
from .conftest import applied
from .sluice_tool import sluice  # noqa: F401 - a fixture

REGION = "eu-central-1"


def bucket_name(kind: str) -> str:
    return f"sluice-{kind}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def buckets(deployment: Deployment) -> Iterator[list[str]]:
    """Names of buckets that are emptied and deleted afterwards."""
    names: list[str] = []
    yield names
    s3 = deployment.client("s3")
    there = {entry["Name"] for entry in s3.list_buckets()["Buckets"]}
    for name in there & set(names):
        s3.delete_bucket_policy(Bucket=name)
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
            for entry in page.get("Versions", []) + page.get("DeleteMarkers", []):
                s3.delete_object(Bucket=name, Key=entry["Key"], VersionId=entry["VersionId"])
        s3.delete_bucket(Bucket=name)


def bootstrap(sluice: Sluice, *arguments: str):  # noqa: ANN201
    return sluice("bootstrap", *arguments, user="deployer")


def test_the_state_bucket_is_what_a_state_needs(sluice: Sluice, deployment: Deployment, buckets: list[str]) -> None:
    """000.3: versioned, encrypted, TLS only, not public, old locks expire; a second run changes nothing."""
    name = bucket_name("state")
    buckets.append(name)
    arguments = ["--state-bucket", name, "--region", REGION]
    first = bootstrap(sluice, *arguments)
    assert first.code == 0 and f"bucket {name} made" in first.out, first.out + first.err
    s3 = deployment.client("s3")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    [statement] = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    assert statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    [rule] = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert rule["Filter"]["Prefix"] == "sluice/dev.tfstate.tflock"
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == 1
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == REGION

    again = bootstrap(sluice, *arguments)
    assert again.code == 0 and "there already" in again.out and "says so already" in again.out
    other = bootstrap(sluice, *arguments, "--state-key", "sluice/prod.tfstate")
    assert other.code == 1 and "was left alone" in other.out
    assert "dev.tfstate" in (sluice.folder / "backend.conf").read_text()
    assert len(s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]) == 2
    assert bootstrap(sluice, *arguments, "--state-key", "sluice/prod.tfstate", "--overwrite").code == 0
    assert "prod.tfstate" in (sluice.folder / "backend.conf").read_text()


def test_us_east_1(sluice: Sluice, deployment: Deployment, buckets: list[str]) -> None:
    """000.3: the region that S3 wants unnamed."""
    name = bucket_name("east")
    buckets.append(name)
    made = bootstrap(sluice, "--state-bucket", name, "--region", "us-east-1")
    assert made.code == 0, made.out + made.err
    assert deployment.client("s3").get_bucket_location(Bucket=name)["LocationConstraint"] in (None, "us-east-1")


def test_settings_and_markers(sluice: Sluice, deployment: Deployment, buckets: list[str]) -> None:
    """000.2, 000.3, 000.4, 000.13: `.env`, then the environment, then flags; markers of today; hello.txt is listed."""
    state, raw = bucket_name("state"), bucket_name("raw")
    buckets += [state, raw]
    lines = f'STATE_BUCKET="{state}"\nRAW_BUCKET=of-the-file\nS3_PREFIX=wistia\n'
    sluice.write(".env", lines.encode())
    early = sluice("bootstrap", "--smoke-test", user="deployer", RAW_BUCKET=raw)
    assert early.code == 1 and f"bucket {raw} is not there yet: Terraform makes it" in early.out

    s3 = deployment.client("s3")
    s3.create_bucket(Bucket=raw, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=raw, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        ran = sluice("bootstrap", "--smoke-test", "--prefix", "/media-team/", user="deployer", RAW_BUCKET=raw)
        assert ran.code == 0, ran.out + ran.err
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y/%m/%d")
    markers = [f"media-team/raw/{folder}" for folder in ("", f"events/{day}/", f"media/{day}/")]
    hello = "media-team/raw/test/hello.txt"
    found = s3.list_object_versions(Bucket=raw)["Versions"]
    assert {entry["Key"] for entry in found} == {*markers, hello}
    assert sorted(entry["Key"] for entry in found if entry["Size"] == 0) == sorted(markers), "made once each"
    assert s3.get_object(Bucket=raw, Key=hello)["Body"].read() == b"hello\n"
    assert f"s3://{raw}/{hello} written and listed" in ran.out
    assert sluice("bootstrap", user="deployer", AWS_REGION="").code == 2


@dataclass(frozen=True)
class Booted:
    """A root module that was applied with its state in a bucket; what a plan said while somebody held the lock."""

    bucket: str
    told: str
    state: dict
    locks: dict
    held: str


def booted() -> Booted:
    """Begins as soon as the stack stands: its parts have names of their own."""
    stack = ahead.of(applied).stack
    found = emulator.running(stack)
    assert found
    deployment = Deployment(stack, found, {})
    folder = stack.folder / "boot"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    sluice, s3, name = (
        Sluice(deployment, folder / "outputs.json", folder),
        deployment.client("s3"),
        bucket_name("tfstate"),
    )
    made = bootstrap(sluice, "--state-bucket", name, "--state-key", "sluice/boot.tfstate", "--region", REGION)
    assert made.code == 0, made.out + made.err
    shutil.copytree(ROOT / "terraform", folder / "terraform", ignore=left_out)
    variables = {"environment": "boot", "region": REGION, "alarm_emails": ["boot@example.org"]}
    sluice.write("terraform.tfvars.json", json.dumps(variables).encode())

    run(sluice, "init", "-backend-config=../backend.conf")
    run(sluice, "plan", "-var-file=../terraform.tfvars.json", "-out=plan.tfplan")
    run(sluice, "apply", "plan.tfplan")
    state = s3.head_object(Bucket=name, Key="sluice/boot.tfstate")
    locks = s3.list_object_versions(Bucket=name, Prefix="sluice/boot.tfstate.tflock")

    lock = {"ID": str(uuid.uuid4()), "Operation": "OperationTypeApply", "Who": "somebody@elsewhere", "Path": "x"}
    s3.put_object(Bucket=name, Key="sluice/boot.tfstate.tflock", Body=json.dumps(lock).encode())
    held = run(sluice, "plan", "-var-file=../terraform.tfvars.json", expect=1)
    s3.delete_object(Bucket=name, Key="sluice/boot.tfstate.tflock")
    run(sluice, "apply", "-destroy", "-auto-approve", "-var-file=../terraform.tfvars.json")
    return Booted(name, made.out, state, locks, held)


AHEAD = booted


def test_init_plan_apply_with_its_backend(buckets: list[str]) -> None:
    """000.3, 003.4: backend.conf, init, plan, apply, and a lock that holds a second run back."""
    found = ahead.of(booted)
    buckets.append(found.bucket)
    assert "init -backend-config=../backend.conf" in found.told
    assert found.state["ServerSideEncryption"] == "AES256" and found.state["VersionId"]
    assert found.locks.get("Versions") and found.locks.get("DeleteMarkers"), "each run took the lock and gave it back"
    assert "somebody@elsewhere" in found.held


def run(sluice: Sluice, verb: str, *arguments: str, expect: int = 0) -> str:
    deployment = sluice.deployment
    keys = accounts.load(deployment.stack)["deployer"]
    env = environment.tool(deployment.stack, deployment.emulator, keys) | {
        "TF_CLI_CONFIG_FILE": str(deployment.stack.folder / "terraformrc"),
        "TF_IN_AUTOMATION": "true",
        "TF_INPUT": "false",
        "CHECKPOINT_DISABLE": "true",
        **QUICK,
    }
    command = ["terraform", "-chdir=terraform", verb, "-no-color", *arguments]
    ran = subprocess.run(
        command, cwd=Path(sluice.folder), env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert ran.returncode == expect, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr
