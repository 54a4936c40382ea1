"""`sluice bootstrap --markers`: the folders that the outputs list."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from .. import accounts, readme
from ..accounts import Credentials
from ..deployment import Deployment
from ..sluice import Completed, Sluice
from . import tool_setup
from .role_policies import WithoutStatement

FOLDERS = {"ingest": ["inbox/"], "provenance": ["incoming/", "processed/", "test/"]}


@pytest.fixture
def tool(deployment: Deployment, tmp_path: Path) -> Iterator[Sluice]:
    """`sluice` with outputs that list FOLDERS; the folders are removed before and after the test, but for the watched
    one, whose receipt remains."""
    sluice = tool_setup.install(deployment, tmp_path)
    write_outputs(sluice, FOLDERS)
    remove(deployment)
    yield sluice
    remove(deployment)


def write_outputs(sluice: Sluice, folders: dict[str, list[str]]) -> None:
    outputs = copy.deepcopy(sluice.deployment.outputs)
    for system, listed in folders.items():
        outputs[system]["folders"] = listed
    tool_setup.write_outputs(sluice.outputs, outputs)


def places(deployment: Deployment) -> list[tuple[str, str]]:
    buckets = {"ingest": deployment.ingest.processing, "provenance": deployment.provenance.data}
    return [(buckets[system], key) for system, keys in FOLDERS.items() for key in keys]


def versions(deployment: Deployment, bucket: str, key: str) -> list[dict]:
    found = deployment.client("s3").list_object_versions(Bucket=bucket, Prefix=key).get("Versions", [])
    return [version for version in found if version["Key"] == key]


def remove(deployment: Deployment) -> None:
    for bucket, key in places(deployment):
        if key == "incoming/":
            continue
        for version in versions(deployment, bucket, key):
            deployment.client("s3").delete_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])


def markers(sluice: Sluice, *arguments: str, user: str = "deployer") -> Completed:
    return sluice("bootstrap", "--markers", *arguments, "--format", "json", user=user)


def test_folders_are_created_once(tool: Sluice, deployment: Deployment) -> None:
    """Each is one empty object, encrypted as the bucket is; a second run changes nothing."""
    first, second = markers(tool), markers(tool)
    assert (first.code, second.code) == (0, 0), first.out + first.err + second.out + second.err
    expected = places(deployment)
    assert [(line["bucket"], line["key"]) for line in first.lines] == expected
    created = {line["key"] for line in first.lines if line["result"] == "made"}
    assert created >= {"inbox/", "processed/", "test/"}
    assert second.lines == [{"bucket": b, "key": k, "result": "there already"} for b, k in expected]
    for bucket, key in expected:
        [version] = versions(deployment, bucket, key)
        assert version["Size"] == 0, key
        if bucket == deployment.provenance.data:
            head = deployment.client("s3").head_object(Bucket=bucket, Key=key)
            assert head["ServerSideEncryption"] == "aws:kms", key


def test_the_folders_of_the_deployment(sluice: Sluice, deployment: Deployment) -> None:
    """The outputs list the watched prefixes and the other folders of the data bucket; the ingest has no prefix."""
    found = markers(sluice)
    assert found.code == 0, found.out + found.err
    keys = [line.get("key", line["result"]) for line in found.lines]
    assert keys == ["no folders", "incoming/", "processed/", "test/"]
    remove(deployment)


def test_the_policies_of_docs_deploy_permit_it(tool: Sluice, deployment: Deployment) -> None:
    """They permit the default folders, and no other object of the data bucket."""
    text = (readme.POLICIES / "storage.json").read_text()
    text = text.replace("sluice-dev", "sluice-test").replace('"dev"', '"test"')
    root = Credentials(deployment.emulator.account, "root")
    iam = accounts.client("iam", deployment.stack, deployment.emulator, root)
    name = f"folders-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    document = json.dumps(json.loads(text), separators=(",", ":"))
    arn = iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_user_policy(UserName=name, PolicyArn=arn)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    write_outputs(tool, {"ingest": [], "provenance": FOLDERS["provenance"]})
    permitted = tool("bootstrap", "--markers", **keys)
    assert permitted.code == 0, permitted.out + permitted.err
    write_outputs(tool, {"ingest": [], "provenance": ["elsewhere/"]})
    denied = tool("bootstrap", "--markers", **keys)
    assert denied.code == 2 and denied.denied, denied.out + denied.err


def test_an_object_that_is_there_is_left_as_it_is(tool: Sluice, deployment: Deployment) -> None:
    target = {"Bucket": deployment.provenance.data, "Key": "test/"}
    deployment.client("s3").put_object(**target, Body=b"theirs")
    assert markers(tool).code == 0
    assert deployment.client("s3").get_object(**target)["Body"].read() == b"theirs"


def test_systems_without_folders(tool: Sluice, deployment: Deployment) -> None:
    """An empty list, a system that is off, and outputs of an older version."""
    write_outputs(tool, {"ingest": [], "provenance": ["test/"]})
    found = markers(tool)
    assert found.code == 0 and found.lines[0] == {"bucket": deployment.ingest.processing, "result": "no folders"}
    for outputs in (deployment.outputs | {"ingest": None}, deployment.outputs | {"provenance": None}):
        left = next(name for name in FOLDERS if outputs[name])
        old = outputs | {left: {name: value for name, value in outputs[left].items() if name != "folders"}}
        tool_setup.write_outputs(tool.outputs, old)
        refused = markers(tool)
        assert refused.code == 2 and f"`{left}.folders`" in refused.err and "terraform apply" in refused.err


def test_a_missing_permission_is_named(tool: Sluice, deployment: Deployment) -> None:
    """The uploader role may write under the watched prefixes only, and there only with the key."""
    write_outputs(tool, {"ingest": [], "provenance": ["processed/"]})
    refused = markers(tool, "--as", "uploader", user="auditor")
    assert refused.code == 2 and refused.denied, refused.out + refused.err
    bucket = deployment.provenance.data
    assert f"`s3://{bucket}/processed/`" in refused.err
    assert "`s3:PutObject`" in refused.err and "`kms:GenerateDataKey`" in refused.err
    assert not versions(deployment, bucket, "processed/")
    write_outputs(tool, {"ingest": [], "provenance": ["incoming/"]})
    permitted = markers(tool, "--as", "uploader", user="auditor")
    assert permitted.code == 0, permitted.out + permitted.err
    role = deployment.provenance.uploader_role_arn
    with WithoutStatement(deployment, role, "upload", "Upload"):
        refused = markers(tool, "--as", "uploader", user="auditor")
    assert refused.code == 2 and "`s3:PutObject`" in refused.err, refused.out + refused.err
