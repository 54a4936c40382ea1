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
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "sluice:bootstrap", "Value": "state"}]


def test_a_backend_conf_with_other_values_is_changed_after_yes(
    sluice: Sluice, deployment: Deployment, buckets: list[str]
) -> None:
    """It is shown with what would change; without an answer nothing changes, the bucket neither."""
    name = bucket_name("conf")
    buckets.append(name)
    arguments = ["--state-bucket", name, "--region", REGION]
    s3, conf = deployment.client("s3"), sluice.folder / "backend.conf"
    assert bootstrap(sluice, *arguments).code == 0
    conf.write_text(conf.read_text() + 'profile = "mine"\n')
    before = conf.read_text()
    arguments += ["--state-key", "sluice/prod.tfstate"]
    refused = bootstrap(sluice, *arguments)
    assert refused.code == 1 and "key: sluice/dev.tfstate -> sluice/prod.tfstate" in refused.out
    assert "`backend.conf` was left alone and nothing was changed" in refused.err
    assert conf.read_text() == before
    assert len(s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]) == 1
    assert sluice("bootstrap", *arguments, user="deployer", answer="yes\n").code == 0
    assert conf.read_text() == before.replace("dev.tfstate", "prod.tfstate")
    assert len(s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]) == 2
    arguments[-1] = "sluice/staging.tfstate"
    assert bootstrap(sluice, *arguments, "--overwrite").code == 0
    assert 'profile = "mine"' in conf.read_text() and "staging.tfstate" in conf.read_text()


def settings_of(s3, bucket: str) -> dict:  # noqa: ANN001 - boto3 makes the type
    """Everything of a bucket that bootstrap could change."""
    found = {}
    for name, call in (
        ("versioning", s3.get_bucket_versioning),
        ("block", s3.get_public_access_block),
        ("encryption", s3.get_bucket_encryption),
        ("policy", s3.get_bucket_policy),
        ("lifecycle", s3.get_bucket_lifecycle_configuration),
        ("tags", s3.get_bucket_tagging),
        ("objects", s3.list_object_versions),
    ):
        try:
            answer = call(Bucket=bucket)
        except s3.exceptions.ClientError as error:
            answer = error.response["Error"]["Code"]
        found[name] = (
            {k: v for k, v in answer.items() if k != "ResponseMetadata"} if isinstance(answer, dict) else answer
        )
    return found


def in_use(deployment: Deployment, name: str) -> dict:
    """Somebody's bucket with an object, a policy and a lifecycle rule; what it is like."""
    s3 = deployment.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=name, Key="theirs.txt", Body=b"theirs")
    theirs = {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{deployment.emulator.account}:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{name}/*",
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [theirs]}))
    rule = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 7}}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    return settings_of(s3, name)


def test_a_bucket_in_use_is_changed_only_after_yes(sluice: Sluice, deployment: Deployment, buckets: list[str]) -> None:
    """Shown setting by setting; unchanged without an answer or with another one; what others set is kept."""
    name = bucket_name("used")
    buckets.append(name)
    s3, before = deployment.client("s3"), in_use(deployment, name)
    arguments = ["--state-bucket", name, "--region", REGION]
    for answer in ("", "no\n", "y\n"):
        ran = sluice("bootstrap", *arguments, user="deployer", answer=answer)
        assert ran.code == 1, ran.out + ran.err
        assert f"bucket `{name}` exists and `sluice bootstrap` did not create it" in ran.err
        assert "versioning: never enabled -> enabled" in ran.out
        assert "bucket policy: 1 statement -> these, and one that denies requests without TLS" in ran.out
        assert "lifecycle rules: 1 rule -> these, and one that removes old versions" in ran.out
        assert "nothing was changed: run this again with --yes" in ran.err
        assert settings_of(s3, name) == before and not (sluice.folder / "backend.conf").exists()
    lines = sluice("bootstrap", *arguments, "--format", "json", user="deployer").lines
    assert {line["setting"] for line in lines if line.get("result") == "would change"} >= {
        "versioning",
        "bucket policy",
    }

    agreed = sluice("bootstrap", *arguments, user="deployer", answer="yes\n")
    assert agreed.code == 0 and f"bucket {name} changed" in agreed.out, agreed.out + agreed.err
    after = settings_of(s3, name)
    assert after["versioning"]["Status"] == "Enabled" and after["tags"] == before["tags"]
    statements = json.loads(after["policy"]["Policy"])["Statement"]
    assert [one["Sid"] for one in statements] == ["Theirs", "DenyInsecureTransport"]
    assert statements[0] == json.loads(before["policy"]["Policy"])["Statement"][0]
    assert after["lifecycle"]["Rules"][0] == before["lifecycle"]["Rules"][0] and len(after["lifecycle"]["Rules"]) == 2
    again = bootstrap(sluice, *arguments)
    assert again.code == 0 and f"bucket {name} there already" in again.out
    assert settings_of(s3, name) == after


def test_yes_without_a_terminal(sluice: Sluice, deployment: Deployment, buckets: list[str]) -> None:
    name = bucket_name("yes")
    buckets.append(name)
    in_use(deployment, name)
    ran = bootstrap(sluice, "--state-bucket", name, "--region", REGION, "--yes")
    assert ran.code == 0 and "versioning: never enabled -> enabled" in ran.out, ran.out + ran.err


def test_a_killed_run_is_completed_by_the_next(sluice: Sluice, deployment: Deployment, buckets: list[str]) -> None:
    """The tag comes with the bucket: a run that got no further is recognised, and nobody is asked."""
    name = bucket_name("killed")
    buckets.append(name)
    s3 = deployment.client("s3")
    s3.create_bucket(
        Bucket=name,
        CreateBucketConfiguration={
            "LocationConstraint": REGION,
            "Tags": [{"Key": "sluice:bootstrap", "Value": "state"}],
        },
    )
    arguments = ["--state-bucket", name, "--region", REGION]
    ran = bootstrap(sluice, *arguments)
    assert ran.code == 0 and f"bucket {name} changed" in ran.out, ran.out + ran.err
    assert settings_of(s3, name)["versioning"]["Status"] == "Enabled"
    for moment in range(8):
        name = bucket_name("killed")
        buckets.append(name)
        (sluice.folder / "backend.conf").unlink(missing_ok=True)
        arguments[1] = name
        sluice.killed(0.05 * moment, "bootstrap", *arguments, user="deployer")
        ran = bootstrap(sluice, *arguments)
        assert ran.code == 0, ran.out + ran.err
        assert settings_of(s3, name)["lifecycle"]["Rules"] and name in (sluice.folder / "backend.conf").read_text()


def test_a_bucket_that_is_not_to_be_used_is_explained(
    sluice: Sluice, deployment: Deployment, buckets: list[str]
) -> None:
    """Of another account (`bucket-owner` in deviations.md: one that lets everybody in), in another region, no name."""
    account = "444455556666"
    foreign = accounts.client("s3", deployment.stack, deployment.emulator, accounts.Credentials(account, "root"))
    theirs, elsewhere = bucket_name("theirs"), bucket_name("elsewhere")
    foreign.create_bucket(Bucket=theirs, CreateBucketConfiguration={"LocationConstraint": REGION})
    buckets.append(elsewhere)
    made = bootstrap(sluice, "--state-bucket", elsewhere, "--region", "us-east-1", "--backend-conf", "east.conf")
    assert made.code == 0, made.out + made.err
    for name, region, sentence in (
        (theirs, REGION, f"bucket `{theirs}` belongs to another account than {deployment.emulator.account}"),
        (elsewhere, REGION, f"bucket `{elsewhere}` is in region `us-east-1`, not in `{REGION}`"),
        ("Not_A_Bucket", REGION, "`Not_A_Bucket` is not a valid bucket name"),
        (elsewhere, "eu-central", "`eu-central` is not a valid region"),
    ):
        ran = bootstrap(sluice, "--state-bucket", name, "--region", region)
        assert ran.code == 2 and sentence in ran.err, ran.out + ran.err
        assert not (sluice.folder / "backend.conf").exists()
    assert settings_of(foreign, theirs)["versioning"] == {}
    foreign.delete_bucket(Bucket=theirs)


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
    asked = sluice("bootstrap", "--smoke-test", "--prefix", "/media-team/", user="deployer", RAW_BUCKET=raw)
    assert asked.code == 1 and "media-team/raw/: no object -> empty object" in asked.out, asked.out + asked.err
    assert "Versions" not in s3.list_object_versions(Bucket=raw), "nothing was put into a bucket that is not ours"
    s3.put_bucket_tagging(Bucket=raw, Tagging={"TagSet": [{"Key": "ManagedBy", "Value": "terraform"}]})
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
    s3.put_object(Bucket=raw, Key=hello, Body=b"ours")
    asked = sluice("bootstrap", "--smoke-test", "--prefix", "/media-team/", user="deployer", RAW_BUCKET=raw)
    assert asked.code == 1 and f"{hello}: another object -> the text of the smoke test" in asked.out
    assert s3.get_object(Bucket=raw, Key=hello)["Body"].read() == b"ours"
    nowhere = sluice("bootstrap", user="deployer", AWS_REGION="")
    assert nowhere.code == 2 and "no region: pass --region, or set AWS_REGION" in nowhere.err


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
