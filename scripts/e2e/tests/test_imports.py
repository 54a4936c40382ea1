"""Examples that keep the names of older projects import the existing resources, and replace none."""

from __future__ import annotations

import pytest

IMPORTED = {
    "eventpulse": {
        ("aws_s3_bucket", "eventpulse-processing-bucket"),
        ("aws_s3_bucket_versioning", "eventpulse-processing-bucket"),
        ("aws_s3_bucket", "eventpulse-quarantine-bucket"),
        ("aws_s3_bucket_versioning", "eventpulse-quarantine-bucket"),
        ("aws_dynamodb_table", "event-pulse-table"),
        ("aws_lambda_function", "eventpulse_process_json_lambda_function"),
        ("aws_cloudwatch_log_group", "/aws/lambda/eventpulse_process_json_lambda_function"),
        ("aws_iam_role", "eventpulse_process_json_lambda_role"),
        ("aws_sns_topic", "arn:aws:sns:us-east-1:111122223333:eventpulse_sns_alert_topic"),
    },
    "caa304": {
        ("aws_s3_bucket", "caa304-raw-data"),
        ("aws_s3_bucket", "caa304-cloudtrail-log"),
        ("aws_s3_bucket_policy", "caa304-cloudtrail-log"),
        ("aws_lambda_function", "secure-provenance-lambda"),
        ("aws_cloudwatch_log_group", "/aws/lambda/secure-provenance-lambda"),
    },
}


@pytest.fixture(params=sorted(IMPORTED))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def changes(plan: dict) -> list[dict]:
    return [entry for entry in plan["resource_changes"] if entry["mode"] == "managed"]


def test_existing_resources_are_imported(name: str, imports: dict[str, dict]) -> None:
    found = {
        (entry["type"], entry["change"]["importing"]["id"])
        for entry in changes(imports[name])
        if "importing" in entry["change"]
    }
    assert found == IMPORTED[name]


def test_nothing_is_destroyed_or_replaced(name: str, imports: dict[str, dict]) -> None:
    """What exists is changed in place, and everything else is created."""
    unexpected = [
        f"{entry['address']}: {'/'.join(entry['change']['actions'])} {entry['change'].get('replace_paths', '')}"
        for entry in changes(imports[name])
        if entry["change"]["actions"] not in (["no-op"], ["update"])
        and not (entry["change"]["actions"] == ["create"] and "importing" not in entry["change"])
    ]
    assert not unexpected, "\n".join(unexpected)


def test_no_existing_name_is_created(name: str, imports: dict[str, dict]) -> None:
    """A resource that is created must not have the name of one that is imported: `apply` would fail."""
    attributes = {
        "aws_s3_bucket": "bucket",
        "aws_dynamodb_table": "name",
        "aws_lambda_function": "function_name",
        "aws_cloudwatch_log_group": "name",
        "aws_iam_role": "name",
        "aws_sns_topic": "name",
    }
    existing = {identifier.rpartition(":")[2] for _, identifier in IMPORTED[name]}
    created = {
        entry["change"]["after"][attributes[entry["type"]]]
        for entry in changes(imports[name])
        if entry["type"] in attributes and entry["change"]["actions"] == ["create"]
    }
    assert not created & existing


def test_the_table_keeps_its_keys_and_its_replica(imports: dict[str, dict]) -> None:
    [table] = [entry["change"] for entry in changes(imports["eventpulse"]) if entry["type"] == "aws_dynamodb_table"]
    for attribute in ("hash_key", "range_key", "billing_mode", "stream_view_type"):
        assert table["before"][attribute] == table["after"][attribute]
    assert [replica["region_name"] for replica in table["after"]["replica"]] == ["us-east-2"]
