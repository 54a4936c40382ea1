"""A stack with resources that older projects made, and the plans of the examples that take them over."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ... import accounts, local, paths
from ...accounts import Credentials
from ...terraform import ARCHITECTURE, Example
from ..background import Background
from ..stack_setup import StackTeardown, applying

NAME = "imports"
REGION = "us-east-1"
REPLICA_REGION = "us-east-2"
EXAMPLES = ("eventpulse", "caa304")
# The emulator has the account with which the examples can only be planned; the examples are for another architecture.
OVERRIDE = f"""
locals {{
  plan_only = false
}}

module "deployment" {{
  architecture = "{ARCHITECTURE}"
}}
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
Clients = Callable[[str], Any]


def create_eventpulse(client: Clients) -> None:
    """As the first pipeline: two versioned buckets, a table with a replica, a function in Python, and a topic."""
    s3 = client("s3")
    for bucket in ("eventpulse-processing-bucket", "eventpulse-quarantine-bucket"):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    dynamodb, table = client("dynamodb"), "event-pulse-table"
    keys = {"ArtistID": "HASH", "ItemID": "RANGE"}
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    dynamodb.update_table(TableName=table, ReplicaUpdates=[{"Create": {"RegionName": REPLICA_REGION}}])
    create_function(client, "eventpulse_process_json_lambda_function", "eventpulse_process_json_lambda_role")
    client("sns").create_topic(Name="eventpulse_sns_alert_topic")


def create_caa304(client: Clients) -> None:
    """As the secure data pipeline: a bucket with SSE-KMS, a bucket for CloudTrail, and a function in Python."""
    s3 = client("s3")
    for bucket in ("caa304-raw-data", "caa304-cloudtrail-log"):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket="caa304-raw-data", VersioningConfiguration={"Status": "Enabled"})
    encryption = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket="caa304-raw-data", ServerSideEncryptionConfiguration={"Rules": [encryption]})
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": "s3:GetBucketAcl",
        "Resource": "arn:aws:s3:::caa304-cloudtrail-log",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket="caa304-cloudtrail-log", Policy=json.dumps(policy))
    create_function(client, "secure-provenance-lambda", "secure-provenance-lambda-role")


def create_function(client: Clients, name: str, role_name: str) -> None:
    role = client("iam").create_role(RoleName=role_name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("process_json.py", "def lambda_handler(event, context):\n    return None\n")
    client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=role["Arn"],
        Handler="process_json.lambda_handler",
        Code={"ZipFile": content.getvalue()},
    )
    client("logs").create_log_group(logGroupName=f"/aws/lambda/{name}")  # Lambda makes it with the first invocation


def prepare(packages: Background[None]) -> dict[str, dict]:
    """The plans by example."""
    stack = paths.stack(NAME)
    running = local.up(stack, fresh=True)
    # Only its owner may read all roles of these names.
    root = Credentials(running.account, "root")
    regional = replace(running, region=REGION)
    for create in (create_eventpulse, create_caa304):
        create(lambda service: accounts.client(service, stack, regional, root))
    packages.result()
    plans = {}
    for name in EXAMPLES:
        terraform = Example(stack, running, root, name, OVERRIDE, import_existing="true")
        with applying:
            terraform.init()
            plans[name] = terraform.plan()
    local.down(stack)
    return plans


@pytest.fixture(scope="session")
def imports_started(packages_started: Background[None], stack_teardown: StackTeardown) -> Background[dict[str, dict]]:
    stack_teardown.register(NAME)
    return Background(lambda: prepare(packages_started))


@pytest.fixture(scope="session")
def imports(imports_started: Background[dict[str, dict]]) -> dict[str, dict]:
    return imports_started.result()
