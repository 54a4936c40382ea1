"""The IAM user that `uploader_user` creates may assume the uploader role and nothing else."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from .. import accounts, readback
from ..accounts import Credentials
from ..deployment import Deployment
from ..scenario import music
from . import tool_setup
from .polling import eventually


@pytest.fixture
def access_key(deployment: Deployment) -> Iterator[Credentials]:
    """An access key, as `aws iam create-access-key` makes it."""
    iam, name = deployment.client("iam"), deployment.outputs["ingest"]["uploader_user"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    yield Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])


@pytest.fixture
def may_assume_roles(deployment: Deployment) -> Iterator[None]:
    """A policy for assuming any role: only the trust policies decide, as on AWS; see `assume-by-trust`."""
    iam, name = deployment.client("iam"), deployment.outputs["ingest"]["uploader_user"]
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="assume", PolicyDocument=document)
    yield
    iam.delete_user_policy(UserName=name, PolicyName="assume")


def test_the_user_has_no_policy(deployment: Deployment) -> None:
    """The trust policy of the uploader role is all that names it."""
    iam, name = deployment.client("iam"), deployment.outputs["ingest"]["uploader_user"]
    assert iam.list_user_policies(UserName=name)["PolicyNames"] == []
    assert iam.list_attached_user_policies(UserName=name)["AttachedPolicies"] == []
    assert iam.list_groups_for_user(UserName=name)["Groups"] == []
    assert iam.list_access_keys(UserName=name)["AccessKeyMetadata"] == []
    trust = iam.get_role(RoleName=deployment.ingest.uploader_role_arn.rpartition("/")[2])["Role"]
    [statement] = trust["AssumeRolePolicyDocument"]["Statement"]
    assert iam.get_user(UserName=name)["User"]["Arn"] in statement["Principal"]["AWS"]


def test_the_user_uploads_by_assuming_the_role(
    deployment: Deployment, access_key: Credentials, may_assume_roles: None, tmp_path: Path
) -> None:
    """`sluice upload` with its access key stores an item; the key itself opens no bucket and no other role."""
    sluice, name = tool_setup.install(deployment, tmp_path), f"by-user-{uuid.uuid4().hex[:8]}"
    file = sluice.write(f"{name}.json", music(name, "TRACK#1"))
    keys = {"AWS_ACCESS_KEY_ID": access_key.access_key, "AWS_SECRET_ACCESS_KEY": access_key.secret_key}
    completed = sluice("upload", str(file), user="visitor", **keys)
    assert completed.code == 0, completed.out + completed.err
    eventually(lambda: readback.item(deployment, (name, "TRACK#1")) is not None, "item of the uploaded file")

    stack, emulator = deployment.stack, deployment.emulator
    s3 = accounts.client("s3", stack, emulator, access_key)
    sts = accounts.client("sts", stack, emulator, access_key)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=deployment.ingest.processing, Key="x.json", Body=b"")
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=deployment.ingest.operator_role_arn, RoleSessionName="other")
