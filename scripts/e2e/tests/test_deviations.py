"""Each deviation of the emulator, shown: a test that fails here is good news, and its row in deviations.md goes."""

from __future__ import annotations

import ast
import inspect
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from ministack.services import s3 as s3_service

from .. import accounts, deviations, facts
from ..accounts import Credentials
from ..deployment import Deployment
from .waiting import eventually


@pytest.fixture(scope="module")
def bucket(deployment: Deployment) -> Iterator[str]:
    """A versioned bucket of its own that announces to EventBridge."""
    s3, name = deployment.client("s3"), f"sluice-deviations-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": deployment.emulator.region})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})
    yield name
    for version in s3.list_object_versions(Bucket=name).get("Versions", []):
        s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
    s3.delete_bucket(Bucket=name)


@pytest.fixture(scope="module")
def announced(deployment: Deployment, bucket: str) -> dict:
    """An `Object Created` as it reaches a queue whose policy lets nobody in."""
    events, sqs = deployment.client("events"), deployment.client("sqs")
    url = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=bucket, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=bucket, Targets=[{"Id": "queue", "Arn": arn}])
    deployment.client("s3").put_object(Bucket=bucket, Key="announced.json", Body=b"{}")
    messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages", [])
    events.remove_targets(Rule=bucket, Ids=["queue"])
    events.delete_rule(Name=bucket)
    sqs.delete_queue(QueueUrl=url)
    return {"messages": [json.loads(message["Body"]) for message in messages]}


class Stripped:
    """A role, the Lambda's unless another is named, without one of its statements for a while."""

    def __init__(self, deployment: Deployment, policy: str, sid: str, role_arn: str = "") -> None:
        self._iam, self._policy, self._sid = deployment.client("iam"), policy, sid
        self._role = (role_arn or deployment.ingest.role_arn).rpartition("/")[2]

    def __enter__(self) -> None:
        self._before = self._iam.get_role_policy(RoleName=self._role, PolicyName=self._policy)["PolicyDocument"]
        kept = [statement for statement in self._before["Statement"] if statement["Sid"] != self._sid]
        assert len(kept) < len(self._before["Statement"])
        self._put(self._before | {"Statement": kept})

    def __exit__(self, *caught: object) -> None:
        self._put(self._before)

    def _put(self, document: dict) -> None:
        self._iam.put_role_policy(RoleName=self._role, PolicyName=self._policy, PolicyDocument=json.dumps(document))


@pytest.fixture
def provenance(deployment: Deployment) -> dict:
    """The provenance's outputs, if the stack has one."""
    found = deployment.outputs["provenance"]
    if found is None:
        pytest.skip("this stack has no provenance")
    return found


def ends_as(deployment: Deployment, end: str, body: bytes) -> None:
    """Puts a file and waits for its end in the log."""
    key = f"deviation-{uuid.uuid4().hex[:8]}.json"
    version = deployment.client("s3", "uploader-role").put_object(
        Bucket=deployment.ingest.processing, Key=key, Body=body
    )["VersionId"]

    def told() -> bool:
        lines = facts.ends(facts.log_lines(deployment)).get(version, [])
        return [line["end"] for line in lines] == [end]

    eventually(told, f"{key} to end as {end}")


def test_every_row_has_its_test() -> None:
    """The page and this file name the same deviations, and each row says something in every column."""
    rows = deviations.read()
    tree = ast.parse(Path(__file__).read_text())
    tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
    assert {row.test for row in rows} == tests - {"test_every_row_has_its_test", "test_only_listed_drift_is_tolerated"}
    assert len({row.id for row in rows}) == len(rows)
    assert all(row.aws and row.emulator and row.answer for row in rows)


def test_only_listed_drift_is_tolerated() -> None:
    """A second plan that changes anything else is an error."""
    kind, attributes = next(iter(deviations.tolerated().items()))

    def plan(kind: str, attribute: str, actions: tuple[str, ...] = ("update",)) -> dict:
        change = {"actions": list(actions), "before": {attribute: 1}, "after": {attribute: 2}, "after_unknown": {}}
        return {"resource_changes": [{"address": "a", "type": kind, "change": change}]}

    attribute = sorted(attributes)[0]
    assert deviations.unexpected(plan(kind, attribute)) == []
    assert deviations.unexpected(plan(kind, "other")) == ["a: other"]
    assert deviations.unexpected(plan("aws_sqs_queue", attribute)) == [f"a: {attribute}"]
    assert deviations.unexpected(plan(kind, attribute, ("delete", "create"))) == ["a: delete/create"]


def test_alarm_drift(second_plan: dict) -> None:
    drifting = {
        name
        for change in second_plan["resource_changes"]
        if change["type"] == "aws_cloudwatch_metric_alarm" and change["change"]["actions"] == ["update"]
        for name, value in change["change"]["after"].items()
        if change["change"]["before"].get(name) != value
    }
    assert drifting == deviations.tolerated()["aws_cloudwatch_metric_alarm"]


def test_event_to_queue(announced: dict) -> None:
    assert announced["messages"], "EventBridge asks the queue's policy now"


def test_event_version_id(announced: dict) -> None:
    assert "version-id" not in announced["messages"][0]["detail"]["object"]


def test_event_time(announced: dict) -> None:
    assert "." in announced["messages"][0]["time"]


def test_copy_checksum(deployment: Deployment, bucket: str) -> None:
    s3 = deployment.client("s3")
    s3.put_object(Bucket=bucket, Key="source", Body=b"1")
    copied = s3.copy_object(
        Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "source"}, ChecksumAlgorithm="SHA256"
    )
    assert "ChecksumSHA256" not in copied["CopyObjectResult"]
    assert "ChecksumSHA256" not in s3.head_object(Bucket=bucket, Key="copy", ChecksumMode="ENABLED")


def test_copy_if_none_match(deployment: Deployment, bucket: str) -> None:
    s3 = deployment.client("s3")
    s3.put_object(Bucket=bucket, Key="there", Body=b"1")
    s3.copy_object(Bucket=bucket, Key="there", CopySource={"Bucket": bucket, "Key": "there"}, IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):  # a put is refused as on AWS: reasons rely on it
        s3.put_object(Bucket=bucket, Key="there", Body=b"2", IfNoneMatch="*")


def test_unusable_key(deployment: Deployment, bucket: str) -> None:
    s3, kms = deployment.client("s3"), deployment.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    s3.put_object(Bucket=bucket, Key="locked", Body=b"1", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    kms.disable_key(KeyId=key)
    assert s3.get_object(Bucket=bucket, Key="locked")["Body"].read() == b"1"


def test_range_of_version(deployment: Deployment, bucket: str) -> None:
    s3 = deployment.client("s3")
    version = s3.put_object(Bucket=bucket, Key="range", Body=b"12345")["VersionId"]
    assert s3.get_object(Bucket=bucket, Key="range", Range="bytes=0-1")["Body"].read() == b"12"
    assert s3.get_object(Bucket=bucket, Key="range", VersionId=version, Range="bytes=0-1")["Body"].read() == b"12345"


def test_listed_key_encoding(deployment: Deployment, bucket: str) -> None:
    """What starts the emulator corrects it; left alone, these two listings do not look at the encoding."""
    for listing in (s3_service._list_object_versions, s3_service._list_multipart_uploads):
        assert "encoding-type" not in inspect.getsource(listing)
    s3, prefix = deployment.client("s3"), "100% ü+\x01\x1f\ufffe\uffff/"
    s3.put_object(Bucket=bucket, Key=f"{prefix}1", Body=b"1")
    begun = s3.create_multipart_upload(Bucket=bucket, Key="100% ü")["UploadId"]
    asked = {"Bucket": bucket, "EncodingType": "url"}
    listed = s3.list_object_versions(**asked, Prefix=prefix, MaxKeys=1)
    encoded = "100%25+%C3%BC%2B%01%1F%EF%BF%BE%EF%BF%BF/"
    assert (listed["EncodingType"], listed["Prefix"]) == ("url", encoded)
    assert [version["Key"] for version in listed["Versions"]] == [f"{encoded}1"]
    assert [group["Prefix"] for group in s3.list_object_versions(**asked, Delimiter="/")["CommonPrefixes"]] == [encoded]
    uploads = s3.list_multipart_uploads(**asked)
    assert uploads["EncodingType"] == "url"
    assert [upload["Key"] for upload in uploads["Uploads"]] == ["100%25+%C3%BC"]
    s3.abort_multipart_upload(Bucket=bucket, Key="100% ü", UploadId=begun)


def test_request_payment(deployment: Deployment, bucket: str) -> None:
    """What starts the emulator corrects it; left alone, it knows the question of a PUT only."""
    assert inspect.getsource(s3_service._dispatch).count('"requestPayment" in query_params') == 1
    assert deployment.client("s3").get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"


def test_missing_key_status(deployment: Deployment) -> None:
    """The uploader may read but no longer list: AWS would not tell it that nothing is there."""
    s3, bucket = deployment.client("s3", "uploader-role"), deployment.ingest.processing
    with Stripped(deployment, "upload", "SeeUploaded", deployment.ingest.uploader_role_arn):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.list_objects_v2(Bucket=bucket)
        with pytest.raises(ClientError, match="NoSuchKey"):
            s3.get_object(Bucket=bucket, Key="nothing/here")


def test_simulated_context(deployment: Deployment) -> None:
    """The role may use the key through SNS, but the simulation does not take the context that says so."""
    topic = deployment.client("sns").get_topic_attributes(TopicArn=deployment.ingest.topic_arn)["Attributes"]
    context = [
        ("kms:ViaService", "string", f"sns.{deployment.emulator.region}.amazonaws.com"),
        ("kms:ResourceAliases", "stringList", f"alias/sluice-{deployment.stack.name}"),
    ]
    answer = deployment.client("iam").simulate_principal_policy(
        PolicySourceArn=deployment.ingest.role_arn,
        ActionNames=["kms:Decrypt"],
        ResourceArns=[topic["KmsMasterKeyId"]],
        ContextEntries=[
            {"ContextKeyName": name, "ContextKeyType": kind, "ContextKeyValues": [value]}
            for name, kind, value in context
        ],
    )
    assert answer["EvaluationResults"][0]["EvalDecision"] == "implicitDeny"


def test_root_key(deployment: Deployment) -> None:
    keys = Credentials(deployment.emulator.account, "any secret at all")
    caller = accounts.client("sts", deployment.stack, deployment.emulator, keys).get_caller_identity()
    assert caller["Arn"].endswith(":root")
    wrong = Credentials(accounts.load(deployment.stack)["deployer"].access_key, "any secret at all")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):  # a user's secret is checked
        accounts.client("sts", deployment.stack, deployment.emulator, wrong).get_caller_identity()


def test_mapping_permissions(deployment: Deployment) -> None:
    with Stripped(deployment, "effects", "TakeFromQueue"):
        ends_as(deployment, "invalid", b"{")


def test_log_permissions(deployment: Deployment) -> None:
    with Stripped(deployment, "logs", "WriteLog"):
        ends_as(deployment, "invalid", b"{")


def test_key_use_by_services(deployment: Deployment) -> None:
    with Stripped(deployment, "effects", "UseTopicKey"):
        ends_as(deployment, "invalid", b"{")


def metrics(deployment: Deployment, namespace: str) -> list[dict]:
    return deployment.client("cloudwatch").list_metrics(Namespace=namespace)["Metrics"]


def test_queue_metrics(deployment: Deployment) -> None:
    assert metrics(deployment, "AWS/SQS") == []


def test_function_metrics(deployment: Deployment) -> None:
    ends_as(deployment, "invalid", b"{")
    found = metrics(deployment, "AWS/Lambda")
    assert [one for one in found if one["Dimensions"][0]["Value"] == deployment.ingest.function] == []


def test_embedded_metrics(deployment: Deployment) -> None:
    ends_as(deployment, "invalid", b"{")
    assert facts.metric(facts.log_lines(deployment), "Invalid") > 0
    assert metrics(deployment, "Sluice") == []


def test_subject_newline(deployment: Deployment) -> None:
    topic = deployment.client("sns").create_topic(Name="sluice-deviations")["TopicArn"]
    try:
        deployment.client("sns").publish(TopicArn=topic, Message="text", Subject="two\nlines")
    finally:
        deployment.client("sns").delete_topic(TopicArn=topic)


def test_unconfirmed_mail(deployment: Deployment) -> None:
    found = deployment.client("sns").list_subscriptions_by_topic(TopicArn=deployment.ingest.topic_arn)["Subscriptions"]
    mail = [entry["SubscriptionArn"] for entry in found if entry["Protocol"] == "email"]
    assert mail and all(arn.startswith("arn:") for arn in mail)


def test_write_once(deployment: Deployment, bucket: str) -> None:
    s3 = deployment.client("s3")
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/ledger/*",
        "Condition": {"Null": {"s3:if-none-match": "true"}},
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    try:
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=bucket, Key="ledger/1", Body=b"1", IfNoneMatch="*")
    finally:
        s3.delete_bucket_policy(Bucket=bucket)


def test_trail_drift(second_plan: dict, provenance: dict) -> None:
    drifting = {
        name
        for change in second_plan["resource_changes"]
        if change["type"] == "aws_cloudtrail" and change["change"]["actions"] == ["update"]
        for name, value in change["change"]["after"].items()
        if change["change"]["before"].get(name) != value
    }
    assert drifting == deviations.tolerated()["aws_cloudtrail"]


def test_trail_files(deployment: Deployment, provenance: dict) -> None:
    s3, trail = deployment.client("s3"), provenance["trail_bucket"]
    before = s3.list_objects_v2(Bucket=trail)["KeyCount"]
    s3.put_object(Bucket=provenance["data_bucket"], Key=f"{provenance['prefixes'][0]}trailed", Body=b"1")
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        assert s3.list_objects_v2(Bucket=trail)["KeyCount"] == before
        time.sleep(0.5)


def test_catalog_views(deployment: Deployment, provenance: dict) -> None:
    athena = deployment.client("athena")

    def state(sql: str) -> str:
        asked = athena.start_query_execution(
            QueryString=sql,
            WorkGroup=provenance["workgroup"],
            QueryExecutionContext={"Database": provenance["database"]},
        )["QueryExecutionId"]
        found = ""

        def ended() -> bool:
            nonlocal found
            found = athena.get_query_execution(QueryExecutionId=asked)["QueryExecution"]["Status"]["State"]
            return found in ("SUCCEEDED", "FAILED")

        eventually(ended, "the answer")
        return found

    assert state("SELECT count(*) FROM receipts") == "SUCCEEDED"
    assert state("SELECT count(*) FROM provenance_ledger") == "FAILED"


def test_bucket_key_told(deployment: Deployment, provenance: dict) -> None:
    s3, place = deployment.client("s3"), {"Bucket": provenance["data_bucket"], "Key": "elsewhere/bucket-key"}
    answer = s3.put_object(**place, Body=b"x")
    assert answer["ServerSideEncryption"] == "aws:kms"
    assert "BucketKeyEnabled" not in answer and "BucketKeyEnabled" not in s3.head_object(**place)


def test_query_permissions(deployment: Deployment, provenance: dict) -> None:
    athena, glue = (deployment.client(service, "provenance-auditor") for service in ("athena", "glue"))
    query = athena.start_query_execution(QueryString="SELECT 1", WorkGroup=provenance["workgroup"])
    with pytest.raises(ClientError, match="AccessDenied"):
        athena.get_query_execution(QueryExecutionId=query["QueryExecutionId"])
    with pytest.raises(ClientError, match="AccessDenied"):
        glue.get_database(Name=provenance["database"])
    workgroup = f"arn:aws:athena:{deployment.emulator.region}:{deployment.emulator.account}:workgroup/"
    for action in ("GetNamedQuery", "GetQueryExecution", "GetQueryResults", "StopQueryExecution"):
        answer = deployment.client("iam").simulate_principal_policy(
            PolicySourceArn=provenance["auditor_role_arn"],
            ActionNames=[f"athena:{action}"],
            ResourceArns=[workgroup + provenance["workgroup"]],
        )
        assert answer["EvaluationResults"][0]["EvalDecision"] == "allowed", action


def test_rights_elsewhere(deployment: Deployment) -> None:
    """A user who may do it to what it is done to may not; one who may do it to anything may."""
    emulator, ingest = deployment.emulator, deployment.ingest
    root = accounts.client("iam", deployment.stack, emulator, accounts.Credentials(emulator.account, "root"))
    root.create_user(UserName="narrow")
    key = root.create_access_key(UserName="narrow")["AccessKey"]
    keys = accounts.Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    sns = accounts.client("sns", deployment.stack, emulator, keys)
    events = accounts.client("events", deployment.stack, emulator, keys)

    def may(actions: list[str], resource: str) -> None:
        statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        root.put_user_policy(UserName="narrow", PolicyName="narrow", PolicyDocument=document)

    try:
        may(["sns:ListTagsForResource"], ingest.topic_arn)
        with pytest.raises(ClientError, match="not authorized"):
            sns.list_tags_for_resource(ResourceArn=ingest.topic_arn)
        may(["sns:ListTagsForResource"], "*")
        sns.list_tags_for_resource(ResourceArn=ingest.topic_arn)
        rules = f"arn:aws:events:{emulator.region}:{emulator.account}:rule/"
        may(["events:DescribeRule"], rules + ingest.rule)
        with pytest.raises(ClientError, match="not authorized"):
            events.describe_rule(Name=ingest.rule)
        may(["events:DescribeRule"], f"{rules}default/{ingest.rule}")
        events.describe_rule(Name=ingest.rule)
    finally:
        root.delete_user_policy(UserName="narrow", PolicyName="narrow")
        root.delete_access_key(UserName="narrow", AccessKeyId=key["AccessKeyId"])
        root.delete_user(UserName="narrow")


def test_bucket_owner(deployment: Deployment) -> None:
    found = deployment.client("s3").list_objects_v2(
        Bucket=deployment.ingest.processing, MaxKeys=1, ExpectedBucketOwner="444455556666"
    )
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 200
