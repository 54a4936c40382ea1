"""A stack on which each permission of the provenance roles for people is removed once.

What needs the permission is tried without it and again with it. That takes minutes, most of them waiting, so all trials
run in the background, one after the other.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from ... import evidence
from ...deployment import Deployment
from ...evidence import ObjectVersion
from ...sluice import Sluice
from ...trail import TrailWriter
from .. import role_policies, tool_setup
from ..background import Background
from ..ingest_steps import quarantine_after_receipt, unique_name
from ..stack_setup import StackTeardown, apply

NAME = "roles"
POLICIES = {"uploader": "upload", "auditor": "audit", "operator": "operate"}
# Role, Sid and action.
Permission = tuple[str, str, str]
# Whether it could be done without the permission, and with it; or the error of the trial.
Trial = tuple[bool, bool] | BaseException


def role_arn(deployment: Deployment, role: str) -> str:
    names = deployment.provenance
    return {
        "uploader": names.uploader_role_arn,
        "auditor": names.auditor_role_arn,
        "operator": names.operator_role_arn,
    }[role]


def statements(deployment: Deployment, role: str) -> list[dict]:
    return role_policies.statements(deployment, role_arn(deployment, role), POLICIES[role])


class Tasks:
    """What the roles do. Each task returns whether the role was permitted to do it."""

    def __init__(self, deployment: Deployment, sluice: Sluice) -> None:
        self.deployment, self.sluice = deployment, sluice
        self.names = deployment.provenance
        self.invalid_key = f"{unique_name()}.json"
        quarantine_after_receipt(deployment, self.invalid_key, b"{")
        # Versions without a receipt: two for each permission, one for the trial without it and one with it.
        self.unrecorded = evidence.put_without_events(
            deployment, lambda: [self.put() for _ in range(2 * len(NEEDED_BY))]
        )

    def put(self) -> ObjectVersion:
        return evidence.put(self.deployment, f"incoming/people-{uuid.uuid4().hex[:8]}", b"people", "deployer")

    def client(self, service: str, role: str):  # noqa: ANN201 - boto3 defines the type at run time
        return self.deployment.client(service, f"provenance-{role}")

    def permitted(self, call: Callable[..., object], **arguments: object) -> bool:
        try:
            call(**arguments)
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403), error
            return "Denied" not in str(error) and "Unauthorized" not in str(error)
        return True

    def succeeds(self, *arguments: str, user: str) -> bool:
        completed = self.sluice(*arguments, user=user)
        assert completed.code == 0 or completed.denied, completed.out + completed.err
        return completed.code == 0

    # the uploader
    def smoke_test(self) -> bool:
        completed = self.sluice("smoke", "provenance", "--wait", "30", "--skip-log", "--format", "json", user="auditor")
        checks = {line["check"]: line["ok"] for line in completed.lines if "check" in line}
        return completed.code in (0, 1) and checks.get("access") is True

    def abort_upload(self) -> bool:
        s3, target = self.client("s3", "uploader"), {"Bucket": self.names.data, "Key": "incoming/parts"}
        upload_id = s3.create_multipart_upload(**target)["UploadId"]
        permitted = self.permitted(s3.abort_multipart_upload, **target, UploadId=upload_id)
        if not permitted:
            self.deployment.client("s3").abort_multipart_upload(**target, UploadId=upload_id)
        return permitted

    # the auditor
    def verify(self) -> bool:
        version = self.put()
        evidence.wait_for(lambda: evidence.receipt(self.deployment, version), "receipt")
        return self.succeeds("verify", version.key, user="auditor")

    def verify_ingest(self) -> bool:
        return self.succeeds("verify", f"s3://{self.deployment.ingest.processing}/{self.invalid_key}", user="auditor")

    def find_log(self) -> bool:
        with TrailWriter(self.deployment) as trail:
            command = ["smoke", "provenance", "--wait", "60", "--format", "json"]
            completed = self.sluice(*command, user="auditor", AWS_ENDPOINT_URL=trail.endpoint)
        if completed.denied:
            return False
        checks = {line["check"]: line for line in completed.lines if "check" in line}
        assert checks["log"]["ok"] is True, completed.out + completed.err
        return True

    def start_query(self) -> bool:
        query = {"QueryString": "SELECT 1", "QueryExecutionContext": {"Database": self.names.database}}
        athena = self.client("athena", "auditor")
        return self.permitted(athena.start_query_execution, WorkGroup=self.names.workgroup, **query)

    def get_workgroup(self) -> bool:
        return self.permitted(self.client("athena", "auditor").get_work_group, WorkGroup=self.names.workgroup)

    def list_queries(self) -> bool:
        return self.permitted(self.client("athena", "auditor").list_named_queries, WorkGroup=self.names.workgroup)

    def get_table(self) -> bool:
        glue = self.client("glue", "auditor")
        return self.permitted(glue.get_table, DatabaseName=self.names.database, Name="receipts")

    def list_tables(self) -> bool:
        return self.permitted(self.client("glue", "auditor").get_tables, DatabaseName=self.names.database)

    # the operator
    def backfill(self) -> bool:
        version = self.unrecorded.pop()
        if not self.succeeds("provenance", "backfill", version.key, "--yes", "--grace", "0", user="operator"):
            return False
        evidence.wait_for(lambda: evidence.receipt(self.deployment, version), "receipt")
        return True

    def backfill_ingest(self) -> bool:
        return self.succeeds("provenance", "backfill", f"s3://{self.deployment.ingest.processing}/", user="operator")

    def complete_deferred(self) -> bool:
        """Hashes and records a version that the function has deferred."""
        version = self.unrecorded.pop()
        record = {"state": "deferred", "bucket": version.bucket, "key": version.key, "version_id": version.version_id}
        body = json.dumps(record | {"recorded_at": "2026-01-02T03:04:05.000Z"}).encode()
        key = version.receipt_key.removesuffix(".json") + ".deferred.json"
        self.deployment.client("s3").put_object(Bucket=self.names.receipts, Key=key, Body=body)
        done = self.succeeds("provenance", "backfill", version.key, "--yes", "--grace", "0", user="operator")
        receipt = evidence.receipt(self.deployment, version)
        assert done == (receipt is not None and receipt["state"] == "hashed")
        return done

    def list_dead_letters(self) -> bool:
        return self.redrive(send=False)

    def redrive(self, send: bool = True) -> bool:
        """Lists a dead letter about an existing version, or sends it again."""
        version = self.unrecorded.pop()
        body = {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {
                "bucket": {"name": version.bucket},
                "object": {"key": version.key, "version-id": version.version_id},
            },
        }
        sqs, url = self.deployment.client("sqs"), self.names.dead_letters_url
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))
        yes = ["--yes"] if send else []
        done = self.succeeds("redrive", "--system", "provenance", "--queue", "messages", *yes, user="operator")
        if done and send:
            evidence.wait_for(lambda: evidence.receipt(self.deployment, version), "receipt")
        sqs.purge_queue(QueueUrl=url)
        return done

    def status(self) -> bool:
        self.deployment.client("sqs").purge_queue(QueueUrl=self.names.dead_letters_url)
        return self.succeeds("status", "--system", "provenance", user="operator")


# The task of a role that needs the permission.
NEEDED_BY: dict[Permission, Callable[[Tasks], bool]] = {
    ("uploader", "Upload", "s3:PutObject"): Tasks.smoke_test,
    ("uploader", "Upload", "s3:AbortMultipartUpload"): Tasks.abort_upload,
    ("uploader", "CompareUploaded", "s3:GetObject"): Tasks.smoke_test,
    ("auditor", "FindVersion", "s3:ListBucketVersions"): Tasks.verify,
    ("auditor", "FindVersionIngest", "s3:ListBucketVersions"): Tasks.verify_ingest,
    ("auditor", "ReadVersion", "s3:GetObjectVersion"): Tasks.verify,
    ("auditor", "ListLedger", "s3:ListBucket"): Tasks.verify,
    ("auditor", "ReadLedger", "s3:GetObject"): Tasks.verify,
    ("auditor", "FindMoved", "s3:ListBucketVersions"): Tasks.verify_ingest,
    ("auditor", "ReadMoved", "s3:GetObjectVersion"): Tasks.verify_ingest,
    ("auditor", "ListTrail", "s3:ListBucket"): Tasks.find_log,
    ("auditor", "ReadTrail", "s3:GetObject"): Tasks.find_log,
    ("auditor", "Ask", "athena:StartQueryExecution"): Tasks.start_query,
    ("auditor", "Ask", "athena:GetWorkGroup"): Tasks.get_workgroup,
    ("auditor", "Ask", "athena:ListNamedQueries"): Tasks.list_queries,
    ("auditor", "ReadCatalog", "glue:GetTable"): Tasks.get_table,
    ("auditor", "ReadCatalog", "glue:GetTables"): Tasks.list_tables,
    ("operator", "FindVersion", "s3:ListBucketVersions"): Tasks.backfill,
    ("operator", "FindVersionIngest", "s3:ListBucketVersions"): Tasks.backfill_ingest,
    ("operator", "ReadVersion", "s3:GetObjectVersion"): Tasks.complete_deferred,
    ("operator", "ListReceipts", "s3:ListBucket"): Tasks.backfill,
    ("operator", "ReadReceipts", "s3:GetObject"): Tasks.complete_deferred,
    ("operator", "AnnounceReceipt", "s3:PutObject"): Tasks.complete_deferred,
    ("operator", "WriteReceipt", "s3:PutObject"): Tasks.complete_deferred,
    ("operator", "RecordOperation", "s3:PutObject"): Tasks.redrive,
    ("operator", "TakeDeadLetters", "sqs:ReceiveMessage"): Tasks.redrive,
    ("operator", "TakeDeadLetters", "sqs:ChangeMessageVisibility"): Tasks.list_dead_letters,
    ("operator", "TakeDeadLetters", "sqs:DeleteMessage"): Tasks.redrive,
    ("operator", "TakeDeadLetters", "sqs:GetQueueAttributes"): Tasks.status,
    ("operator", "AnnounceAgain", "sqs:SendMessage"): Tasks.backfill,
    ("operator", "AnnounceAgain", "sqs:GetQueueAttributes"): Tasks.status,
}


def run_trial(tasks: Tasks, policies: dict[str, list[dict]], permission: Permission) -> Trial:
    role, sid, action = permission

    def write(found: list[dict]) -> None:
        role_policies.write(tasks.deployment, role_arn(tasks.deployment, role), POLICIES[role], found)

    try:
        write(role_policies.without(policies[role], sid, action))
        try:
            without = NEEDED_BY[permission](tasks)
        finally:
            write(policies[role])
        return without, NEEDED_BY[permission](tasks)
    except BaseException as error:  # the test of this permission raises it
        return error


def run_trials(packages: Background[None], folder: Path) -> dict[Permission, Trial]:
    deployment = apply(NAME, packages).deployment
    policies = {role: statements(deployment, role) for role in POLICIES}
    tasks = Tasks(deployment, tool_setup.install(deployment, folder))
    return {permission: run_trial(tasks, policies, permission) for permission in sorted(NEEDED_BY)}


@pytest.fixture(scope="session")
def role_trials_started(
    packages_started: Background[None], stack_teardown: StackTeardown, tmp_path_factory: pytest.TempPathFactory
) -> Background[dict[Permission, Trial]]:
    stack_teardown.register(NAME)
    folder = tmp_path_factory.mktemp("roles")
    return Background(lambda: run_trials(packages_started, folder))


@pytest.fixture(scope="session")
def role_trials(role_trials_started: Background[dict[Permission, Trial]]) -> dict[Permission, Trial]:
    return role_trials_started.result()
