"""The resources after apply, as the services describe them, and the Lambda binary run outside of Lambda."""

from __future__ import annotations

import json
import subprocess
import uuid
import zipfile
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from .. import accounts, environment, package, readback
from ..deployment import Deployment
from ..ingest_events import object_created, upload
from ..scenario import music
from ..terraform import ARCHITECTURE


def test_buckets_are_versioned_private_and_encrypted(deployment: Deployment) -> None:
    """Both buckets of the ingest."""
    s3 = deployment.client("s3")
    for bucket in (deployment.ingest.processing, deployment.ingest.quarantine):
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
        rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
        owners = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
        assert owners == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_the_table_is_on_demand_and_recoverable(deployment: Deployment) -> None:
    """Two string keys, on-demand capacity, point-in-time recovery."""
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
    """An item is put and queried by its artist; the operator role can read it by its key, but cannot put items."""
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
    """The zip of the ingest with which the stack was applied."""
    folder = deployment.stack.folder / "dist"
    packages = json.loads((folder / package.VARIABLES).read_text())["lambda_packages"]
    return folder / Path(packages["ingest"]["path"]).name


def test_the_function_has_the_package(deployment: Deployment) -> None:
    """Runtime provided.al2023, the zip that was built, and no secret in the environment."""
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


def test_the_binary_runs_outside_of_lambda(deployment: Deployment, tmp_path: Path) -> None:
    """`run-local` processes one event with the deployed buckets and table."""
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
    (tmp_path / "event.json").write_text(json.dumps(object_created(deployment, key, version, len(body))))
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
    found = readback.item(deployment, item)
    assert found and readback.source_of(found)["version_id"] == version
