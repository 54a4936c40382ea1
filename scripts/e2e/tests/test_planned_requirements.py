"""Requirements that a plan of both systems shows: names, validation, encryption, events, permissions and outputs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .. import wiring
from ..offline import ACCOUNT, Offline
from .settings_cases import deployment

SSO = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_DataEngineer_0123456789abcdef"
INGEST: dict[str, Any] = {
    "processing_bucket": {"name": "eventpulse-processing-bucket", "force_destroy": True},
    "quarantine_bucket": {"name": "eventpulse-quarantine-bucket"},
    "table": {
        "name": "event-pulse-table",
        "hash_key": "ArtistID",
        "range_key": "ItemID",
        "replica_regions": ["us-east-2"],
    },
    "schema_file": "../../examples/eventpulse/music-item.schema.json",
    "notify_emails": ["music@example.org", "label@example.org"],
    "uploader_user": "eventpulse-uploader",
    "operator_principals": [SSO],
}
PROVENANCE = {f"{role}_principals": [SSO] for role in ("uploader", "auditor", "operator")}


OUTPUTS = "".join(f'output "{name}" {{\n  value = module.main.{name}\n}}\n' for name in ("ingest", "provenance"))


@pytest.fixture(scope="module")
def plan(offline: Offline) -> dict[str, Any]:
    """A deployment of both systems, and one whose table has no sort key."""
    unsorted = INGEST | {"table": {"hash_key": "ArtistID", "range_key": ""}}
    calls = {
        "main": deployment(ingest=INGEST, provenance=PROVENANCE),
        "unsorted": deployment(ingest=unsorted, environment="unsorted"),
    }
    planned = offline.plan("requirements", calls, OUTPUTS)
    assert planned.errors() == []
    return planned.show()


def resources(plan: dict[str, Any], kind: str, module: str = "", call: str = "main") -> list[dict[str, Any]]:
    """The planned attributes of the resources of one kind in a module, such as `module.ingest`."""
    found = [entry for entry in wiring.resources(plan) if entry["type"] == kind]
    return [entry["values"] for entry in found if entry["address"].startswith(f"module.{call}.{module}")]


def statements(policy: str) -> list[dict[str, Any]]:
    return json.loads(policy)["Statement"]


def refusals(offline: Offline, name: str, **changes: Any) -> str:
    return "\n".join(offline.plan(name, {"main": deployment(ingest=INGEST | changes)}).errors())


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


def test_a_setting_for_versioning_is_refused(offline: Offline) -> None:
    error = refusals(offline, "versioning", processing_bucket={"versioning": "Suspended"})
    assert "`ingest.processing_bucket.versioning` is not an attribute any more: versioning is always enabled" in error


def test_no_bucket_policy_grants_access_to_the_account(plan: dict) -> None:
    policies = resources(plan, "aws_s3_bucket_policy", "module.ingest")
    assert len(policies) == 2
    for policy in policies:
        [statement] = statements(policy["policy"])
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_data_bucket_uses_the_key_with_a_bucket_key(plan: dict) -> None:
    found = resources(plan, "aws_s3_bucket_server_side_encryption_configuration", "module.provenance[0].module.data.")
    [rule] = found[0]["rule"]
    assert rule["apply_server_side_encryption_by_default"][0]["sse_algorithm"] == "aws:kms"
    assert rule["bucket_key_enabled"] is True


def test_equal_bucket_names_are_refused(offline: Offline) -> None:
    error = refusals(offline, "equal-names", quarantine_bucket=INGEST["processing_bucket"])
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


def test_the_function_of_provenance_has_its_permissions(plan: dict) -> None:
    """It may read every version that gets a receipt, and write receipts and journal entries; it cannot delete."""
    allowed = permissions(plan, "module.provenance[0].module.function.")
    assert allowed >= {
        ("s3:ListBucketVersions", "data"),
        ("s3:GetObjectVersion", "data/incoming/*"),
        ("s3:ListBucket", "receipts"),
        ("s3:GetObject", "receipts/provenance/*"),
        ("s3:PutObject", "receipts/journal/*"),
        ("s3:PutObject", "receipts/provenance/*"),
        ("sqs:ReceiveMessage", "provenance"),
    }
    assert {action for action, _ in allowed if "Delete" in action} == {"sqs:DeleteMessage"}


def permissions(plan: dict, module: str) -> set[tuple[str, str]]:
    """Allowed actions and resources of a function: the last part of the ARN, without what all default names have."""
    found = set()
    for policy in resources(plan, "aws_iam_role_policy", module):
        for statement in (entry for entry in statements(policy["policy"]) if entry["Effect"] == "Allow"):
            for arn in flat(statement["Resource"]):
                name = arn.split(":", 5)[-1].replace("sluice-dev-", "").replace(f"-eu-central-1-{ACCOUNT}", "")
                found |= {(action, name) for action in flat(statement["Action"])}
    return found


def flat(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_the_event_rules_match_the_watched_prefixes_only(plan: dict) -> None:
    """Every way of creating an object, in a bucket that sends events."""
    found = resources(plan, "aws_cloudwatch_event_rule")
    rules = {rule["name"]: json.loads(rule["event_pattern"]) for rule in found if rule["event_pattern"]}
    assert len(rules) == 2
    data = f"sluice-dev-data-eu-central-1-{ACCOUNT}"
    for name, bucket, keys in (
        ("sluice-dev-ingest", "eventpulse-processing-bucket", [{"anything-but": {"prefix": "_sluice/"}}]),
        ("sluice-dev-provenance", data, [{"prefix": "incoming/"}]),
    ):
        assert (rules[name]["source"], rules[name]["detail-type"]) == (["aws.s3"], ["Object Created"])
        assert rules[name]["detail"] == {"bucket": {"name": [bucket]}, "object": {"key": keys}}


def test_the_processing_bucket_sends_events_to_the_function(plan: dict) -> None:
    module = "module.ingest[0]."
    [notification] = resources(plan, "aws_s3_bucket_notification", f"{module}module.processing.")
    assert notification["eventbridge"] is True
    [target] = resources(plan, "aws_cloudwatch_event_target", module)
    assert target["rule"] == "sluice-dev-ingest"
    [mapping] = resources(plan, "aws_lambda_event_source_mapping", module)
    assert mapping["function_response_types"] == ["ReportBatchItemFailures"]


def test_the_table_is_on_demand_with_both_keys_and_replicas(plan: dict) -> None:
    [table] = resources(plan, "aws_dynamodb_table")
    assert (table["hash_key"], table["range_key"], table["billing_mode"]) == ("ArtistID", "ItemID", "PAY_PER_REQUEST")
    assert {(entry["name"], entry["type"]) for entry in table["attribute"]} == {("ArtistID", "S"), ("ItemID", "S")}
    assert [replica["region_name"] for replica in table["replica"]] == ["us-east-2"]


def test_the_sort_key_is_optional(plan: dict) -> None:
    [table] = resources(plan, "aws_dynamodb_table", call="unsorted")
    assert (table["hash_key"], table["range_key"], len(table["attribute"])) == ("ArtistID", None, 1)


def test_the_addresses_are_subscribed_and_the_function_may_publish(plan: dict) -> None:
    """Also with the key of the encrypted topic."""
    found = resources(plan, "aws_sns_topic_subscription", "module.ingest[0].module.topic.")
    assert sorted(entry["endpoint"] for entry in found) == ["label@example.org", "music@example.org"]
    allowed = permissions(plan, "module.ingest[0].module.function.")
    assert ("sns:Publish", "ingest") in allowed
    assert {action for action, resource in allowed if resource == "key/*"} == {"kms:Decrypt", "kms:GenerateDataKey"}


def test_the_function_is_packaged_with_least_privilege(plan: dict) -> None:
    """The archive that was given; no managed policy, no wildcard in an action, and no resource `*`."""
    [function] = resources(plan, "aws_lambda_function", "module.ingest[0].")
    assert (function["filename"], function["runtime"]) == ("../../tests/package.txt", "provided.al2023")
    assert resources(plan, "aws_iam_role_policy_attachment") == []
    allowed = permissions(plan, "module.ingest[0].module.function.")
    assert ("dynamodb:PutItem", "table/event-pulse-table") in allowed
    assert [(action, resource) for action, resource in allowed if "*" in action or resource == "*"] == []


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
