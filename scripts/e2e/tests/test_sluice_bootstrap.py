"""`sluice bootstrap`: from nothing to an applied root module whose state is in the bucket it made."""

from __future__ import annotations

import datetime
import json
import uuid

from .. import accounts
from ..deployment import Deployment
from ..sluice import Sluice
from .stacks.state_backend import LOCK_OWNER, StateBackend

REGION = "eu-central-1"


def bucket_name(kind: str) -> str:
    return f"sluice-{kind}-{uuid.uuid4().hex[:8]}"


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
        completed = sluice("bootstrap", *arguments, user="deployer", answer=answer)
        assert completed.code == 1, completed.out + completed.err
        assert f"bucket `{name}` exists and `sluice bootstrap` did not create it" in completed.err
        assert "versioning: never enabled -> enabled" in completed.out
        assert "bucket policy: 1 statement -> these, and one that denies requests without TLS" in completed.out
        assert "lifecycle rules: 1 rule -> these, and one that removes old versions" in completed.out
        assert "nothing was changed: run this again with --yes" in completed.err
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
    completed = bootstrap(sluice, "--state-bucket", name, "--region", REGION, "--yes")
    assert completed.code == 0 and "versioning: never enabled -> enabled" in completed.out, (
        completed.out + completed.err
    )


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
    completed = bootstrap(sluice, *arguments)
    assert completed.code == 0 and f"bucket {name} changed" in completed.out, completed.out + completed.err
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
        completed = bootstrap(sluice, "--state-bucket", name, "--region", region)
        assert completed.code == 2 and sentence in completed.err, completed.out + completed.err
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
        completed = sluice("bootstrap", "--smoke-test", "--prefix", "/media-team/", user="deployer", RAW_BUCKET=raw)
        assert completed.code == 0, completed.out + completed.err
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y/%m/%d")
    markers = [f"media-team/raw/{folder}" for folder in ("", f"events/{day}/", f"media/{day}/")]
    hello = "media-team/raw/test/hello.txt"
    found = s3.list_object_versions(Bucket=raw)["Versions"]
    assert {entry["Key"] for entry in found} == {*markers, hello}
    assert sorted(entry["Key"] for entry in found if entry["Size"] == 0) == sorted(markers), "made once each"
    assert s3.get_object(Bucket=raw, Key=hello)["Body"].read() == b"hello\n"
    assert f"s3://{raw}/{hello} written and listed" in completed.out
    s3.put_object(Bucket=raw, Key=hello, Body=b"ours")
    asked = sluice("bootstrap", "--smoke-test", "--prefix", "/media-team/", user="deployer", RAW_BUCKET=raw)
    assert asked.code == 1 and f"{hello}: another object -> the text of the smoke test" in asked.out
    assert s3.get_object(Bucket=raw, Key=hello)["Body"].read() == b"ours"
    nowhere = sluice("bootstrap", user="deployer", AWS_REGION="")
    assert nowhere.code == 2 and "no region: pass --region, or set AWS_REGION" in nowhere.err


def test_init_plan_apply_with_its_backend(state_backend: StateBackend, buckets: list[str]) -> None:
    """backend.conf, init, plan, apply, and a lock that makes a second run fail."""
    buckets.append(state_backend.bucket)
    assert "init -backend-config=../backend.conf" in state_backend.bootstrap_output
    assert state_backend.state["ServerSideEncryption"] == "AES256" and state_backend.state["VersionId"]
    locks = state_backend.locks
    assert locks.get("Versions") and locks.get("DeleteMarkers"), "each run acquired the lock and released it"
    assert LOCK_OWNER in state_backend.locked_plan
