"""Requirements that a plan of the root module shows: names, validation, roles and outputs."""

from __future__ import annotations

from typing import Any

import pytest

from ..rootplan import ACCOUNT, RefusedError, RootModule, resources, statements

SSO = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_DataEngineer_0123456789abcdef"
INGEST: dict[str, Any] = {
    "processing_bucket": {"name": "eventpulse-processing-bucket", "force_destroy": True},
    "quarantine_bucket": {"name": "eventpulse-quarantine-bucket"},
    "table": {"name": "event-pulse-table", "hash_key": "ArtistID", "range_key": "ItemID"},
    "schema_file": "examples/eventpulse/music-item.schema.json",
    "uploader_user": "eventpulse-uploader",
    "operator_principals": [SSO],
}
PROVENANCE = {f"{role}_principals": [SSO] for role in ("uploader", "auditor", "operator")}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> RootModule:
    return RootModule(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="module")
def plan(root: RootModule) -> dict[str, Any]:
    return root.plan(ingest=INGEST, provenance=PROVENANCE)


def refusal(root: RootModule, **changes: Any) -> str:
    with pytest.raises(RefusedError) as refused:
        root.plan(ingest=INGEST | changes)
    return str(refused.value)


def output(plan: dict[str, Any], name: str) -> dict[str, Any]:
    """What is known of an output."""
    return plan["output_changes"][name]["after"]


def test_buckets_have_the_given_names_and_settings(plan: dict) -> None:
    found = {bucket["bucket"]: bucket["force_destroy"] for bucket in resources(plan, "aws_s3_bucket", "module.ingest")}
    assert found == {"eventpulse-processing-bucket": True, "eventpulse-quarantine-bucket": False}


def test_versioning_is_always_enabled(plan: dict) -> None:
    buckets = resources(plan, "aws_s3_bucket")
    enabled = resources(plan, "aws_s3_bucket_versioning")
    assert [entry["versioning_configuration"][0]["status"] for entry in enabled] == ["Enabled"] * len(buckets)


def test_a_setting_for_versioning_is_refused(root: RootModule) -> None:
    error = refusal(root, processing_bucket={"versioning": "Suspended"})
    assert "`ingest.processing_bucket.versioning` is not an attribute any more: versioning is always enabled" in error


def test_no_bucket_policy_grants_access_to_the_account(plan: dict) -> None:
    policies = resources(plan, "aws_s3_bucket_policy", "module.ingest")
    assert len(policies) == 2
    for policy in policies:
        [statement] = statements(policy["policy"])
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_equal_bucket_names_are_refused(root: RootModule) -> None:
    error = refusal(root, quarantine_bucket=INGEST["processing_bucket"])
    assert "two resources of kind bucket have the same name: set different names in" in error
    assert "`ingest.processing_bucket.name`" in error and "`ingest.quarantine_bucket.name`" in error


def test_roles_are_for_users_of_identity_center(plan: dict) -> None:
    """Their sessions are temporary: no user and no access key."""
    roles = {role["name"]: role for role in resources(plan, "aws_iam_role", "module.provenance")}
    for name in ("uploader", "auditor", "operator"):
        [statement] = statements(roles[f"sluice-dev-provenance-{name}"]["assume_role_policy"])
        assert (statement["Principal"], statement["Action"]) == ({"AWS": [SSO]}, "sts:AssumeRole")
    assert resources(plan, "aws_iam_user", "module.provenance") == []
    assert resources(plan, "aws_iam_access_key") == []


def test_the_data_bucket_has_its_folders(plan: dict) -> None:
    """`sluice bootstrap --markers` creates what the output lists; receipts are under their prefix."""
    found = output(plan, "provenance")
    assert found["folders"] == ["incoming/", "processed/", "test/"]
    [receipts] = [t for t in resources(plan, "aws_glue_catalog_table") if t["name"] == "receipts"]
    assert receipts["storage_descriptor"][0]["location"] == f"s3://{found['receipts_bucket']}/provenance/"


def test_the_upload_user_only_assumes_the_uploader_role(plan: dict) -> None:
    """The role may upload, and find out whether the same file is already there; nothing else."""
    [user] = resources(plan, "aws_iam_user")
    assert user["name"] == "eventpulse-uploader"
    for kind in ("aws_iam_user_policy", "aws_iam_user_policy_attachment", "aws_iam_access_key", "aws_iam_group"):
        assert resources(plan, kind) == []
    [role] = resources(plan, "aws_iam_role", "module.ingest[0].module.uploader")
    [trust] = statements(role["assume_role_policy"])
    assert trust["Principal"] == {"AWS": [f"arn:aws:iam::{ACCOUNT}:user/eventpulse-uploader"]}
    [policy] = resources(plan, "aws_iam_role_policy", "module.ingest[0].module.uploader")
    allowed = {s["Action"]: s["Resource"] for s in statements(policy["policy"]) if s["Effect"] == "Allow"}
    bucket = "arn:aws:s3:::eventpulse-processing-bucket"
    objects = dict.fromkeys(("s3:PutObject", "s3:AbortMultipartUpload", "s3:GetObject"), f"{bucket}/*")
    assert allowed == objects | {"s3:ListBucket": bucket}


def test_the_outputs_have_what_the_commands_read(plan: dict) -> None:
    found = output(plan, "ingest")
    assert found["quarantine_bucket_arn"] == "arn:aws:s3:::eventpulse-quarantine-bucket"
    assert found["roles"] == {
        "function": f"arn:aws:iam::{ACCOUNT}:role/sluice-dev-ingest",
        "uploader": f"arn:aws:iam::{ACCOUNT}:role/sluice-dev-ingest-uploader",
        "operator": f"arn:aws:iam::{ACCOUNT}:role/sluice-dev-ingest-operator",
    }
    assert found["environment"]["ingest"]["TABLE"] == "event-pulse-table"
