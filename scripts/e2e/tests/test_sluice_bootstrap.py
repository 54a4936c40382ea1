"""`sluice bootstrap`: the bucket of the Terraform state, and a root module that is applied with it."""

from __future__ import annotations

import datetime
import json
import uuid

from .. import accounts
from ..deployment import Deployment
from ..sluice import Completed, Sluice
from .stacks.state_backend import LOCK_OWNER, StateBackend

REGION = "eu-central-1"


def bucket_name(kind: str) -> str:
    return f"sluice-{kind}-{uuid.uuid4().hex[:8]}"


def bootstrap(sluice: Sluice, *arguments: str, answer: str = "") -> Completed:
    return sluice("bootstrap", *arguments, "--format", "json", user="deployer", answer=answer)


def bucket_result(completed: Completed, name: str) -> str | None:
    """What became of the state bucket."""
    return next((line["result"] for line in completed.lines if line.get("bucket") == name), None)


def changes(completed: Completed) -> dict[str, tuple[str, str]]:
    """The settings that would change: current and wanted values."""
    lines = [line for line in completed.lines if line.get("result") == "would change"]
    return {line["setting"]: (line["current"], line["wanted"]) for line in lines}


def test_the_state_bucket_has_the_required_settings(sluice: Sluice, deployment: Deployment, buckets: list[str]) -> None:
    """Versioned, encrypted, TLS required, not public, old locks expire; a second run changes nothing."""
    name = bucket_name("state")
    buckets.append(name)
    arguments = ["--state-bucket", name, "--region", REGION]
    first = bootstrap(sluice, *arguments)
    assert first.code == 0 and bucket_result(first, name) == "made", first.out + first.err
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
    assert again.code == 0 and {line["result"] for line in again.lines} == {"there already"}, again.out
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "sluice:bootstrap", "Value": "state"}]


def test_a_backend_conf_with_other_values_is_changed_after_confirmation(
    sluice: Sluice, deployment: Deployment, buckets: list[str]
) -> None:
    """The changes are shown. Without confirmation, neither the file nor the bucket changes."""
    name = bucket_name("conf")
    buckets.append(name)
    arguments = ["--state-bucket", name, "--region", REGION]
    s3, conf = deployment.client("s3"), sluice.folder / "backend.conf"
    assert bootstrap(sluice, *arguments).code == 0
    conf.write_text(conf.read_text() + 'profile = "mine"\n')
    before = conf.read_text()
    arguments += ["--state-key", "sluice/prod.tfstate"]
    refused = bootstrap(sluice, *arguments)
    assert refused.code == 1 and changes(refused)["key"] == ("sluice/dev.tfstate", "sluice/prod.tfstate")
    assert "`backend.conf`" in refused.err and "--yes" in refused.err
    assert conf.read_text() == before
    assert len(s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]) == 1
    assert bootstrap(sluice, *arguments, answer="yes\n").code == 0
    assert conf.read_text() == before.replace("dev.tfstate", "prod.tfstate")
    assert len(s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]) == 2
    arguments[-1] = "sluice/staging.tfstate"
    assert bootstrap(sluice, *arguments, "--overwrite").code == 0
    assert 'profile = "mine"' in conf.read_text() and "staging.tfstate" in conf.read_text()


def settings_of(s3, bucket: str) -> dict:  # noqa: ANN001 - boto3 defines the type at run time
    """The settings and objects of a bucket that bootstrap could change."""
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
    """Creates another user's bucket with an object, a policy and a lifecycle rule; returns its settings."""
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


def test_a_bucket_in_use_is_changed_only_after_confirmation(
    sluice: Sluice, deployment: Deployment, buckets: list[str]
) -> None:
    """Every change is shown; without `yes` nothing changes; existing statements and rules are kept."""
    name = bucket_name("used")
    buckets.append(name)
    s3, before = deployment.client("s3"), in_use(deployment, name)
    arguments = ["--state-bucket", name, "--region", REGION]
    for answer in ("", "no\n", "y\n"):
        completed = bootstrap(sluice, *arguments, answer=answer)
        assert completed.code == 1, completed.out + completed.err
        assert f"`{name}`" in completed.err and "--yes" in completed.err
        assert {"versioning", "bucket policy", "lifecycle rules"} <= changes(completed).keys()
        assert settings_of(s3, name) == before and not (sluice.folder / "backend.conf").exists()

    confirmed = bootstrap(sluice, *arguments, answer="yes\n")
    assert confirmed.code == 0 and bucket_result(confirmed, name) == "changed", confirmed.out + confirmed.err
    after = settings_of(s3, name)
    assert after["versioning"]["Status"] == "Enabled" and after["tags"] == before["tags"]
    statements = json.loads(after["policy"]["Policy"])["Statement"]
    assert [one["Sid"] for one in statements] == ["Theirs", "DenyInsecureTransport"]
    assert statements[0] == json.loads(before["policy"]["Policy"])["Statement"][0]
    assert after["lifecycle"]["Rules"][0] == before["lifecycle"]["Rules"][0] and len(after["lifecycle"]["Rules"]) == 2
    again = bootstrap(sluice, *arguments)
    assert again.code == 0 and bucket_result(again, name) == "there already"
    assert settings_of(s3, name) == after


def test_yes_without_a_terminal(sluice: Sluice, deployment: Deployment, buckets: list[str]) -> None:
    name = bucket_name("yes")
    buckets.append(name)
    in_use(deployment, name)
    completed = bootstrap(sluice, "--state-bucket", name, "--region", REGION, "--yes")
    assert completed.code == 0 and "versioning" in changes(completed), completed.out + completed.err


def test_a_killed_run_is_completed_by_the_next(sluice: Sluice, deployment: Deployment, buckets: list[str]) -> None:
    """The bucket is created with its tag: an interrupted run is recognised, and no confirmation is required."""
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
    completed = bootstrap(sluice, *arguments)
    assert completed.code == 0 and bucket_result(completed, name) == "changed", completed.out + completed.err
    assert settings_of(s3, name)["versioning"]["Status"] == "Enabled"
    for moment in range(8):
        name = bucket_name("killed")
        buckets.append(name)
        (sluice.folder / "backend.conf").unlink(missing_ok=True)
        arguments[1] = name
        sluice.kill_after(0.05 * moment, "bootstrap", *arguments, user="deployer")
        completed = bootstrap(sluice, *arguments)
        assert completed.code == 0, completed.out + completed.err
        assert settings_of(s3, name)["lifecycle"]["Rules"] and name in (sluice.folder / "backend.conf").read_text()


def test_an_unusable_bucket_is_refused_with_the_reason(
    sluice: Sluice, deployment: Deployment, buckets: list[str]
) -> None:
    """A bucket of another account (`bucket-owner` in deviations.md) or in another region, an invalid name or region."""
    account = "444455556666"
    foreign = accounts.client("s3", deployment.stack, deployment.emulator, accounts.Credentials(account, "root"))
    theirs, elsewhere = bucket_name("theirs"), bucket_name("elsewhere")
    foreign.create_bucket(Bucket=theirs, CreateBucketConfiguration={"LocationConstraint": REGION})
    buckets.append(elsewhere)
    made = bootstrap(sluice, "--state-bucket", elsewhere, "--region", "us-east-1", "--backend-conf", "east.conf")
    assert made.code == 0, made.out + made.err
    for name, region, named in (
        (theirs, REGION, (f"`{theirs}`", deployment.emulator.account)),
        (elsewhere, REGION, (f"`{elsewhere}`", "`us-east-1`", f"`{REGION}`")),
        ("Not_A_Bucket", REGION, ("`Not_A_Bucket`",)),
        (elsewhere, "eu-central", ("`eu-central`",)),
    ):
        completed = bootstrap(sluice, "--state-bucket", name, "--region", region)
        assert completed.code == 2 and all(text in completed.err for text in named), completed.out + completed.err
        assert not (sluice.folder / "backend.conf").exists()
    assert settings_of(foreign, theirs)["versioning"] == {}
    foreign.delete_bucket(Bucket=theirs)


def test_us_east_1(sluice: Sluice, deployment: Deployment, buckets: list[str]) -> None:
    """The region that CreateBucket does not accept as a LocationConstraint."""
    name = bucket_name("east")
    buckets.append(name)
    made = bootstrap(sluice, "--state-bucket", name, "--region", "us-east-1")
    assert made.code == 0, made.out + made.err
    assert deployment.client("s3").get_bucket_location(Bucket=name)["LocationConstraint"] in (None, "us-east-1")


def test_settings_and_markers(sluice: Sluice, deployment: Deployment, buckets: list[str]) -> None:
    """Precedence of `.env`, environment and flags; folder markers of today; the smoke test lists hello.txt."""
    state, raw = bucket_name("state"), bucket_name("raw")
    buckets += [state, raw]
    lines = f'STATE_BUCKET="{state}"\nRAW_BUCKET=of-the-file\nS3_PREFIX=wistia\n'
    sluice.write(".env", lines.encode())
    early = sluice("bootstrap", "--smoke-test", "--format", "json", user="deployer", RAW_BUCKET=raw)
    assert early.code == 1 and {"bucket": raw, "exists": False} in early.lines, early.out

    s3 = deployment.client("s3")
    s3.create_bucket(Bucket=raw, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=raw, VersioningConfiguration={"Status": "Enabled"})
    asked = sluice("bootstrap", "--smoke-test", "--prefix", "/media-team/", user="deployer", RAW_BUCKET=raw)
    assert asked.code == 1 and "media-team/raw/" in asked.out, asked.out + asked.err
    assert "Versions" not in s3.list_object_versions(Bucket=raw), "the bucket was not created by Terraform"
    s3.put_bucket_tagging(Bucket=raw, Tagging={"TagSet": [{"Key": "ManagedBy", "Value": "terraform"}]})
    for _ in range(2):
        completed = sluice("bootstrap", "--smoke-test", "--prefix", "/media-team/", user="deployer", RAW_BUCKET=raw)
        assert completed.code == 0, completed.out + completed.err
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y/%m/%d")
    markers = [f"media-team/raw/{folder}" for folder in ("", f"events/{day}/", f"media/{day}/")]
    hello = "media-team/raw/test/hello.txt"
    found = s3.list_object_versions(Bucket=raw)["Versions"]
    assert {entry["Key"] for entry in found} == {*markers, hello}
    assert sorted(entry["Key"] for entry in found if entry["Size"] == 0) == sorted(markers), "each created once"
    assert s3.get_object(Bucket=raw, Key=hello)["Body"].read() == b"hello\n"
    assert f"s3://{raw}/{hello}" in completed.out
    s3.put_object(Bucket=raw, Key=hello, Body=b"ours")
    asked = sluice("bootstrap", "--smoke-test", "--prefix", "/media-team/", user="deployer", RAW_BUCKET=raw)
    assert asked.code == 1 and hello in asked.out
    assert s3.get_object(Bucket=raw, Key=hello)["Body"].read() == b"ours"
    nowhere = sluice("bootstrap", user="deployer", AWS_REGION="")
    assert nowhere.code == 2 and "--region" in nowhere.err and "AWS_REGION" in nowhere.err


def test_init_plan_apply_with_its_backend(state_backend: StateBackend, buckets: list[str]) -> None:
    """backend.conf, init, plan, apply, and a lock that makes a second run fail."""
    buckets.append(state_backend.bucket)
    assert "init -backend-config=../backend.conf" in state_backend.bootstrap_output
    assert state_backend.state["ServerSideEncryption"] == "AES256" and state_backend.state["VersionId"]
    locks = state_backend.locks
    assert locks.get("Versions") and locks.get("DeleteMarkers"), "each run acquired the lock and released it"
    assert LOCK_OWNER in state_backend.locked_plan
