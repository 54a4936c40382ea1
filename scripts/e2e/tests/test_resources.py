"""What stands after apply, asked of the services and not of Terraform, and the Lambda's binary run by hand."""

from __future__ import annotations

import json
import subprocess
import uuid
import zipfile
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from .. import accounts, environment, facts, package
from ..deployment import Deployment
from ..run import event, upload
from ..scenario import music
from ..terraform import ARCHITECTURE


def test_buckets_are_versioned_private_and_encrypted(deployment: Deployment) -> None:
    """003.1 to 003.3: both buckets; nobody is let in by a bucket policy, so no principal of the account is either."""
    s3 = deployment.client("s3")
    for bucket in (deployment.ingest.processing, deployment.ingest.quarantine):
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
        rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
        owners = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
        assert owners == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_the_table_is_on_demand_and_recoverable(deployment: Deployment) -> None:
    """003.6, 003.7: two string keys, no capacity to plan (a replica would demand that), point-in-time recovery."""
    dynamodb, name = deployment.client("dynamodb"), deployment.ingest.table
    table = dynamodb.describe_table(TableName=name)["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]] == [
        ("ArtistID", "HASH"),
        ("ItemID", "RANGE"),
    ]
    assert {entry["AttributeType"] for entry in table["AttributeDefinitions"]} == {"S"}
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_items_are_put_and_queried_as_documented(deployment: Deployment) -> None:
    """003.9: an item put by hand, queried by its artist; the operator's role reads it by its key and may not put."""
    ingest, artist = deployment.ingest, f"By Hand {uuid.uuid4().hex[:8]}"
    item = json.loads(music(artist, "TRACK#FeelULuvMe", Duration={"N": "234"}, Streams={"N": "10000000"}))
    dynamodb, operator = deployment.client("dynamodb"), deployment.client("dynamodb", "operator-role")
    dynamodb.put_item(TableName=ingest.table, Item=item)
    found = dynamodb.query(
        TableName=ingest.table,
        KeyConditionExpression="#key = :value",
        ExpressionAttributeNames={"#key": ingest.hash_key},
        ExpressionAttributeValues={":value": {"S": artist}},
    )["Items"]
    assert found == [item]
    keys = {name: item[name] for name in (ingest.hash_key, ingest.range_key)}
    assert operator.get_item(TableName=ingest.table, Key=keys)["Item"] == item
    with pytest.raises(ClientError, match="AccessDeniedException"):
        operator.put_item(TableName=ingest.table, Item=item)


def packaged(deployment: Deployment) -> Path:
    """The zip of the ingest as the stack was applied with it."""
    folder = deployment.stack.folder / "dist"
    packages = json.loads((folder / package.VARIABLES).read_text())["lambda_packages"]
    return folder / Path(packages["ingest"]["path"]).name


def test_the_function_is_the_package(deployment: Deployment) -> None:
    """003.19: provided.al2023, the zip that was built, and no secret in its environment."""
    found = deployment.client("lambda").get_function(FunctionName=deployment.ingest.function)["Configuration"]
    assert (found["Runtime"], found["Architectures"]) == ("provided.al2023", [ARCHITECTURE])
    assert found["CodeSize"] == packaged(deployment).stat().st_size
    assert set(found["Environment"]["Variables"]) == {
        "PROCESSING_BUCKET",
        "QUARANTINE_BUCKET",
        "PREFIX",
        "TABLE",
        "HASH_KEY",
        "RANGE_KEY",
        "SCHEMA_SHA256",
        "CHECK_ITEM_ID",
        "MAX_OBJECT_BYTES",
        "NOTIFY_ON",
        "TOPIC_ARN",
    }


def test_the_binary_runs_by_hand(deployment: Deployment, tmp_path: Path) -> None:
    """003.20: the same program on one event, outside of Lambda, against the buckets that stand."""
    key, item = f"by-hand-{uuid.uuid4().hex[:8]}.json", ("By Hand", f"TRACK#{uuid.uuid4().hex[:8]}")
    body = music(*item)
    events = deployment.client("events")
    events.disable_rule(Name=deployment.ingest.rule)
    try:
        version = upload(deployment, key, body)
    finally:
        events.enable_rule(Name=deployment.ingest.rule)
    with zipfile.ZipFile(packaged(deployment)) as archive:
        program = tmp_path / "ingest"
        program.write_bytes(archive.read("bootstrap"))
        program.chmod(0o755)
    (tmp_path / "event.json").write_text(json.dumps(event(deployment, key, version, len(body))))
    settings = deployment.client("lambda").get_function_configuration(FunctionName=deployment.ingest.function)
    env = environment.tool(deployment.stack, deployment.emulator, accounts.load(deployment.stack)["deployer"])
    result = subprocess.run(
        [program, "run-local", tmp_path / "event.json"],
        env=env | settings["Environment"]["Variables"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    found = facts.item(deployment, item)
    assert found and facts.source_of(found)["version_id"] == version
