"""The provenance roles for people have exactly the permissions that they need: each is removed once."""

from __future__ import annotations

import uuid

import pytest
from botocore.exceptions import ClientError

from ..deployment import Deployment
from . import role_policies
from .stacks.role_trials import NEEDED_BY, POLICIES, Permission, Trial, role_arn, statements

# Permissions that the emulator does not enforce: it answers 404 for a missing key (`missing-key-status`), does not find
# queries and databases in a workgroup (`query-permissions`), and writes Athena's results and reads metrics without the
# role's permissions.
UNENFORCED: set[Permission] = {
    ("uploader", "SeeUploaded", "s3:ListBucket"),
    *(
        ("auditor", "Ask", f"athena:{call}")
        for call in ("GetNamedQuery", "GetQueryExecution", "GetQueryResults", "StopQueryExecution")
    ),
    ("auditor", "ReadCatalog", "glue:GetDatabase"),
    *(
        ("auditor", "KeepAnswers", f"s3:{call}")
        for call in ("AbortMultipartUpload", "GetObject", "ListMultipartUploadParts", "PutObject")
    ),
    *(("auditor", "FindAnswers", f"s3:{call}") for call in ("GetBucketLocation", "ListBucket")),
    ("operator", "SeeMetrics", "cloudwatch:GetMetricData"),
}


def test_every_permission_is_tried_or_unenforced(deployment: Deployment) -> None:
    """A permission that no task needs has no line here, and fails this test."""
    found = {(role, *one) for role in POLICIES for one in role_policies.allowed(statements(deployment, role))}
    assert found == set(NEEDED_BY) | UNENFORCED


@pytest.mark.parametrize("role", sorted(POLICIES))
def test_the_key_is_used_through_s3_only(role: str, deployment: Deployment) -> None:
    """The role has one other inline policy: for objects that are encrypted with the deployment's key."""
    found = role_policies.all_statements(deployment, role_arn(deployment, role))
    assert set(found) == {POLICIES[role], role_policies.ENCRYPTED_BUCKETS}
    key_statements = found[role_policies.ENCRYPTED_BUCKETS]
    assert role_policies.allowed(key_statements) == role_policies.key_use(["ReadEncrypted", "WriteEncrypted"])
    role_policies.assert_only_through_s3(deployment, key_statements)


@pytest.mark.parametrize("permission", sorted(NEEDED_BY), ids="-".join)
def test_without_permission(permission: Permission, role_trials: dict[Permission, Trial]) -> None:
    """The task fails without the permission, and `sluice` reports that; with the permission it succeeds."""
    trial = role_trials[permission]
    if isinstance(trial, BaseException):
        raise trial
    without, restored = trial
    assert not without
    assert restored


def test_the_uploader_only_uploads(deployment: Deployment) -> None:
    """Only under the watched prefixes, neither receipts nor the trail."""
    s3, names = deployment.client("s3", "provenance-uploader"), deployment.provenance
    for bucket, key in (
        (names.data, "elsewhere/x"),
        (names.receipts, "provenance/x"),
        (names.receipts, "ledger/000000000001.json"),
        (names.trail_bucket, "x"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"")


@pytest.mark.parametrize("role", ["auditor", "operator", "uploader"])
def test_no_role_deletes(role: str, deployment: Deployment) -> None:
    """No role can delete a receipt, an object version or a log file."""
    names, s3 = deployment.provenance, deployment.client("s3", f"provenance-{role}")
    for bucket, key in ((names.receipts, "provenance/x"), (names.data, "incoming/x"), (names.trail_bucket, "x")):
        for version in ({}, {"VersionId": str(uuid.uuid4())}):
            with pytest.raises(ClientError, match="AccessDenied"):
                s3.delete_object(Bucket=bucket, Key=key, **version)


def test_a_user_can_only_assume_its_role(deployment: Deployment) -> None:
    """A user has no permission of its own except to assume its role."""
    for user in ("uploader", "auditor", "operator"):
        with pytest.raises(ClientError, match="AccessDenied"):
            deployment.client("s3", user).list_objects_v2(Bucket=deployment.provenance.receipts)
    with pytest.raises(ClientError, match="AccessDenied"):
        deployment.client("sts", "uploader").assume_role(
            RoleArn=deployment.provenance.auditor_role_arn, RoleSessionName="other"
        )
