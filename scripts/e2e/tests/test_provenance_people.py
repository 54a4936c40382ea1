"""The roles of people around provenance hold what they do and nothing to spare: each action is taken away once.

Most of that is waiting, so it is tried beside the tests of the ingest's tool, which touch neither roles nor rules.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future

import pytest
from botocore.exceptions import ClientError

from .. import evidence
from ..deployment import Deployment
from ..evidence import Version
from ..run import Played
from ..sluice import Sluice
from . import ahead, grants
from .sluice_tool import at_work
from .waiting import eventually

POLICIES = {"uploader": "upload", "auditor": "audit", "operator": "operate"}
Grant = tuple[str, str, str]
Attempts = Future[dict[Grant, tuple[bool, bool] | BaseException]]


def role_arn(deployment: Deployment, who: str) -> str:
    names = deployment.provenance
    return {
        "uploader": names.uploader_role_arn,
        "auditor": names.auditor_role_arn,
        "operator": names.operator_role_arn,
    }[who]


def statements(deployment: Deployment, who: str) -> list[dict]:
    return grants.statements(deployment, role_arn(deployment, who), POLICIES[who])


def write(deployment: Deployment, who: str, found: list[dict]) -> None:
    grants.write(deployment, role_arn(deployment, who), POLICIES[who], found)


@pytest.fixture(scope="session")
def whole(deployment: Deployment) -> dict[str, list[dict]]:
    """The policies as Terraform made them."""
    return {who: statements(deployment, who) for who in POLICIES}


def people(deployment: Deployment) -> Version:
    return evidence.put(deployment, f"incoming/people-{uuid.uuid4().hex[:8]}", b"people", "deployer")


def missed(deployment: Deployment) -> list[Version]:
    """Versions that were written while the rules were off: two for each action, one before it is back and one after."""
    return evidence.unwatched(deployment, lambda: [people(deployment) for _ in range(2 * len(NEEDED_BY))])


class Bench:
    """What a role does, once: true if it could."""

    def __init__(self, deployment: Deployment, tool: Sluice, played: Played) -> None:
        self.deployment, self.tool, self.played = deployment, tool, played
        self.missed = missed(deployment)
        self.names = deployment.provenance

    def client(self, service: str, who: str):  # noqa: ANN201 - boto3 makes the type
        return self.deployment.client(service, f"provenance-{who}")

    def may(self, call: Callable[..., object], **arguments: object) -> bool:
        try:
            call(**arguments)
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403), error
            return "Denied" not in str(error) and "Unauthorized" not in str(error)
        return True

    def runs(self, *arguments: str, user: str) -> bool:
        ran = self.tool(*arguments, user=user)
        told = ran.out + ran.err
        assert ran.code == 0 or "the role may not" in told or "AccessDenied" in told, told
        return ran.code == 0

    def version(self) -> Version:
        return people(self.deployment)

    # the uploader
    def smokes(self) -> bool:
        ran = self.tool("smoke", "provenance", "--wait", "30", "--format", "json", user="auditor")
        checks = {line["check"]: line["ok"] for line in ran.lines if "check" in line}
        return ran.code in (0, 1) and checks.get("access") is True

    def gives_up_parts(self) -> bool:
        s3, place = self.client("s3", "uploader"), {"Bucket": self.names.data, "Key": "incoming/parts"}
        upload = s3.create_multipart_upload(**place)["UploadId"]
        done = self.may(s3.abort_multipart_upload, **place, UploadId=upload)
        if not done:
            self.deployment.client("s3").abort_multipart_upload(**place, UploadId=upload)
        return done

    # the auditor
    def verifies(self) -> bool:
        version = self.version()
        evidence.until(lambda: evidence.receipt(self.deployment, version), "a receipt")
        return self.runs("verify", version.key, user="auditor")

    def verifies_ingest(self) -> bool:
        step = self.played.arrival("broken JSON").step
        return self.runs("verify", f"s3://{self.deployment.ingest.processing}/{step.key}", user="auditor")

    def finds_log(self) -> bool:
        """The trail delivers nothing here: a log as CloudTrail writes it is put in its place."""
        names, s3 = self.names, self.deployment.client("s3")

        def sent() -> set[str]:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=names.data, Prefix="incoming/smoke-test/")
            return {entry["Key"] for page in pages for entry in page.get("Contents", [])}

        before = sent()
        command = ["smoke", "provenance", "--wait", "60", "--require-log", "--format", "json"]
        process = self.tool.start(*command, user="auditor")
        eventually(lambda: bool(sent() - before) or process.poll() is not None, "the smoke test's file")
        for key in sent() - before:
            evidence.deliver(self.deployment, time.time(), Version(names.data, key, "any", b""))
        out, err = process.communicate(timeout=120)
        checks = {line["check"]: line for text in out.splitlines() if "check" in (line := json.loads(text))}
        if "the role may not" in out + err:
            return False
        assert checks["log"]["ok"] is True, out + err
        return True

    def asks(self) -> bool:
        query = {"QueryString": "SELECT 1", "QueryExecutionContext": {"Database": self.names.database}}
        athena = self.client("athena", "auditor")
        return self.may(athena.start_query_execution, WorkGroup=self.names.workgroup, **query)

    def sees_workgroup(self) -> bool:
        return self.may(self.client("athena", "auditor").get_work_group, WorkGroup=self.names.workgroup)

    def lists_queries(self) -> bool:
        return self.may(self.client("athena", "auditor").list_named_queries, WorkGroup=self.names.workgroup)

    def sees_table(self) -> bool:
        return self.may(self.client("glue", "auditor").get_table, DatabaseName=self.names.database, Name="receipts")

    def lists_tables(self) -> bool:
        return self.may(self.client("glue", "auditor").get_tables, DatabaseName=self.names.database)

    # the operator
    def backfills(self) -> bool:
        version = self.missed.pop()
        if not self.runs("provenance", "backfill", version.key, "--yes", "--grace", "0", user="operator"):
            return False
        evidence.until(lambda: evidence.receipt(self.deployment, version), "a receipt")
        return True

    def backfills_ingest(self) -> bool:
        return self.runs("provenance", "backfill", f"s3://{self.deployment.ingest.processing}/", user="operator")

    def completes(self) -> bool:
        """A version that the function put off is hashed here and recorded."""
        version = self.missed.pop()
        record = {"state": "deferred", "bucket": version.bucket, "key": version.key, "version_id": version.version_id}
        body = json.dumps(record | {"recorded_at": "2026-01-02T03:04:05.000Z"}).encode()
        key = version.receipt.removesuffix(".json") + ".deferred.json"
        self.deployment.client("s3").put_object(Bucket=self.names.receipts, Key=key, Body=body)
        done = self.runs("provenance", "backfill", version.key, "--yes", "--grace", "0", user="operator")
        found = evidence.receipt(self.deployment, version)
        assert done == (found is not None and found["state"] == "hashed")
        return done

    def looks(self) -> bool:
        return self.redrives(send=False)

    def redrives(self, send: bool = True) -> bool:
        """A dead letter about a version that is there is looked at, or sent again."""
        version = self.missed.pop()
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
        done = self.runs("redrive", "--system", "provenance", "--queue", "messages", *yes, user="operator")
        if done and send:
            evidence.until(lambda: evidence.receipt(self.deployment, version), "a receipt")
        sqs.purge_queue(QueueUrl=url)
        return done

    def tells(self) -> bool:
        self.deployment.client("sqs").purge_queue(QueueUrl=self.names.dead_letters_url)
        return self.runs("status", "--system", "provenance", user="operator")


# What a role does that it cannot do without the action.
NEEDED_BY: dict[Grant, Callable[[Bench], bool]] = {
    ("uploader", "Upload", "s3:PutObject"): Bench.smokes,
    ("uploader", "Upload", "s3:AbortMultipartUpload"): Bench.gives_up_parts,
    ("uploader", "CompareUploaded", "s3:GetObject"): Bench.smokes,
    ("auditor", "FindVersion", "s3:ListBucketVersions"): Bench.verifies,
    ("auditor", "FindVersionIngest", "s3:ListBucketVersions"): Bench.verifies_ingest,
    ("auditor", "ReadVersion", "s3:GetObjectVersion"): Bench.verifies,
    ("auditor", "ListLedger", "s3:ListBucket"): Bench.verifies,
    ("auditor", "ReadLedger", "s3:GetObject"): Bench.verifies,
    ("auditor", "FindMoved", "s3:ListBucketVersions"): Bench.verifies_ingest,
    ("auditor", "ReadMoved", "s3:GetObjectVersion"): Bench.verifies_ingest,
    ("auditor", "ListTrail", "s3:ListBucket"): Bench.finds_log,
    ("auditor", "ReadTrail", "s3:GetObject"): Bench.finds_log,
    ("auditor", "Ask", "athena:StartQueryExecution"): Bench.asks,
    ("auditor", "Ask", "athena:GetWorkGroup"): Bench.sees_workgroup,
    ("auditor", "Ask", "athena:ListNamedQueries"): Bench.lists_queries,
    ("auditor", "ReadCatalog", "glue:GetTable"): Bench.sees_table,
    ("auditor", "ReadCatalog", "glue:GetTables"): Bench.lists_tables,
    ("operator", "FindVersion", "s3:ListBucketVersions"): Bench.backfills,
    ("operator", "FindVersionIngest", "s3:ListBucketVersions"): Bench.backfills_ingest,
    ("operator", "ReadVersion", "s3:GetObjectVersion"): Bench.completes,
    ("operator", "ListReceipts", "s3:ListBucket"): Bench.backfills,
    ("operator", "ReadReceipts", "s3:GetObject"): Bench.completes,
    ("operator", "AnnounceReceipt", "s3:PutObject"): Bench.completes,
    ("operator", "WriteReceipt", "s3:PutObject"): Bench.completes,
    ("operator", "RecordOperation", "s3:PutObject"): Bench.redrives,
    ("operator", "TakeDeadLetters", "sqs:ReceiveMessage"): Bench.redrives,
    ("operator", "TakeDeadLetters", "sqs:ChangeMessageVisibility"): Bench.looks,
    ("operator", "TakeDeadLetters", "sqs:DeleteMessage"): Bench.redrives,
    ("operator", "TakeDeadLetters", "sqs:GetQueueAttributes"): Bench.tells,
    ("operator", "AnnounceAgain", "sqs:SendMessage"): Bench.backfills,
    ("operator", "AnnounceAgain", "sqs:GetQueueAttributes"): Bench.tells,
}

# What the emulator does not ask for: 404 for what is not there (`missing-key-status`), Athena's and Glue's calls about
# one query or database, which it does not find in a workgroup (`query-permissions`), Athena's answers, metrics and
# encryption, which happen in nobody's name.
UNENFORCED: set[Grant] = {
    ("uploader", "SeeUploaded", "s3:ListBucket"),
    *((who, "UseEncrypted", f"kms:{call}") for who in POLICIES for call in ("Decrypt", "GenerateDataKey")),
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


def attempt(bench: Bench, whole: dict, grant: Grant) -> tuple[bool, bool] | BaseException:
    """Whether what needs the action can be done without it, and once it is back."""
    who, sid, action = grant
    try:
        write(bench.deployment, who, grants.without(whole[who], sid, action))
        try:
            without = NEEDED_BY[grant](bench)
        finally:
            write(bench.deployment, who, whole[who])
        return without, NEEDED_BY[grant](bench)
    except BaseException as error:  # the test of this action raises it
        return error


@pytest.fixture(scope="session")
def attempts(deployment: Deployment, played: Played, whole: dict, tmp_path_factory: pytest.TempPathFactory) -> Attempts:
    """Each action is taken away once, one after the other, beside the tests that follow."""
    own = Deployment(deployment.stack, deployment.emulator, deployment.outputs)
    tool = at_work(own, tmp_path_factory.mktemp("people"))

    def all_of_them() -> dict[Grant, tuple[bool, bool] | BaseException]:
        bench = Bench(own, tool, played)
        return {grant: attempt(bench, whole, grant) for grant in sorted(NEEDED_BY)}

    return ahead.begin(all_of_them)


def test_every_action_is_taken_away_once(whole: dict, attempts: Attempts) -> None:
    """001.16: an action that nobody needs has no line here, and fails this test."""
    found = {(who, *one) for who in POLICIES for one in grants.allowed(whole[who])}
    assert found == set(NEEDED_BY) | UNENFORCED


@pytest.mark.parametrize("grant", sorted(NEEDED_BY), ids="-".join)
def test_people_without(grant: Grant, attempts: Attempts) -> None:
    """What needs the action cannot be done without it, says so, and can be done once it is back."""
    outcome = attempts.result()[grant]
    if isinstance(outcome, BaseException):
        raise outcome
    without, again = outcome
    assert not without
    assert again


def test_the_uploader_only_uploads(deployment: Deployment) -> None:
    """001.6: under the watched prefixes, and neither receipts nor the trail."""
    s3, names = deployment.client("s3", "provenance-uploader"), deployment.provenance
    for bucket, key in (
        (names.data, "elsewhere/x"),
        (names.receipts, "provenance/x"),
        (names.receipts, "ledger/000000000001.json"),
        (names.trail_bucket, "x"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"")


@pytest.mark.parametrize("who", ["auditor", "operator", "uploader"])
def test_nobody_deletes(who: str, deployment: Deployment) -> None:
    """What is recorded stays, and so do versions: no role may delete."""
    names, s3 = deployment.provenance, deployment.client("s3", f"provenance-{who}")
    for bucket, key in ((names.receipts, "provenance/x"), (names.data, "incoming/x"), (names.trail_bucket, "x")):
        for version in ({}, {"VersionId": str(uuid.uuid4())}):
            with pytest.raises(ClientError, match="AccessDenied"):
                s3.delete_object(Bucket=bucket, Key=key, **version)


def test_a_user_has_nothing_but_its_role(deployment: Deployment) -> None:
    """001.6: nobody holds more than the right to assume a role."""
    for user in ("uploader", "auditor", "operator"):
        with pytest.raises(ClientError, match="AccessDenied"):
            deployment.client("s3", user).list_objects_v2(Bucket=deployment.provenance.receipts)
    with pytest.raises(ClientError, match="AccessDenied"):
        deployment.client("sts", "uploader").assume_role(
            RoleArn=deployment.provenance.auditor_role_arn, RoleSessionName="other"
        )
