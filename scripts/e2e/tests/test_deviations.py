"""Each deviation of the emulator from AWS. When a test fails because the emulator was fixed, delete its row."""

from __future__ import annotations

import ast
import datetime as dt
import inspect
import json
import time
import uuid
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from ministack.services import iam as iam_service

from .. import accounts, deviations, readback
from ..accounts import Credentials
from ..deployment import Deployment
from ..ingest_events import object_created
from .polling import eventually, now_ms
from .role_policies import WithoutStatement


@pytest.fixture(scope="module")
def delivered_events(deployment: Deployment, scratch_bucket: str) -> list[dict]:
    """The `Object Created` events that reach a queue whose policy allows no sender."""
    events, sqs = deployment.client("events"), deployment.client("sqs")
    url = sqs.create_queue(QueueName=scratch_bucket)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [scratch_bucket]}}}
    events.put_rule(Name=scratch_bucket, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=scratch_bucket, Targets=[{"Id": "queue", "Arn": arn}])
    deployment.client("s3").put_object(Bucket=scratch_bucket, Key="created.json", Body=b"{}")
    messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages", [])
    events.remove_targets(Rule=scratch_bucket, Ids=["queue"])
    events.delete_rule(Name=scratch_bucket)
    sqs.delete_queue(QueueUrl=url)
    return [json.loads(message["Body"]) for message in messages]


def upload_and_wait(deployment: Deployment, outcome: str, body: bytes) -> None:
    """Uploads a file and waits for its outcome in the log."""
    key, since = f"deviation-{uuid.uuid4().hex[:8]}.json", now_ms()
    version = deployment.client("s3", "uploader-role").put_object(
        Bucket=deployment.ingest.processing, Key=key, Body=body
    )["VersionId"]

    def logged() -> bool:
        lines = readback.outcomes(readback.log_lines(deployment, since)).get(version, [])
        return [line["end"] for line in lines] == [outcome]

    eventually(logged, f"outcome `{outcome}` of `{key}`")


def test_every_row_has_its_test() -> None:
    """deviations.md and the test files have the same deviations, and no cell is empty."""
    rows = deviations.read()
    files = Path(__file__).parent.glob("test_deviations*.py")
    nodes = [node for file in files for node in ast.parse(file.read_text()).body]
    tests = {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
    assert {row.test for row in rows} == tests - {"test_every_row_has_its_test", "test_only_listed_drift_is_tolerated"}
    assert len({row.id for row in rows}) == len(rows)
    assert all(row.aws and row.emulator and row.workaround for row in rows)


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


def changed_attributes(plan: dict, kind: str) -> set[str]:
    """The attributes that a plan would update in resources of a type."""
    return {
        name
        for change in plan["resource_changes"]
        if change["type"] == kind and change["change"]["actions"] == ["update"]
        for name, value in change["change"]["after"].items()
        if change["change"]["before"].get(name) != value
    }


def test_alarm_drift(second_plan: dict) -> None:
    kind = "aws_cloudwatch_metric_alarm"
    assert changed_attributes(second_plan, kind) == deviations.tolerated()[kind]


def test_event_to_queue(delivered_events: list[dict]) -> None:
    assert delivered_events, "EventBridge checks the queue's policy now"


def test_event_version_id(delivered_events: list[dict]) -> None:
    assert "version-id" not in delivered_events[0]["detail"]["object"]


def test_event_time(delivered_events: list[dict]) -> None:
    assert "." in delivered_events[0]["time"]


def test_simulated_context(deployment: Deployment) -> None:
    """The role may use the key through SNS, but the simulation ignores the context entries that are required."""
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
    wrong_secret = Credentials(accounts.load(deployment.stack)["deployer"].access_key, "any secret at all")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):  # a user's secret is checked
        accounts.client("sts", deployment.stack, deployment.emulator, wrong_secret).get_caller_identity()


def test_assume_by_trust(deployment: Deployment) -> None:
    """The trust policy of the uploader role names the upload user, who has no policy."""
    iam, name = deployment.client("iam"), deployment.outputs["ingest"]["uploader_user"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    keys = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    sts = accounts.client("sts", deployment.stack, deployment.emulator, keys)
    try:
        with pytest.raises(ClientError, match="no identity-based policy allows"):
            sts.assume_role(RoleArn=deployment.ingest.uploader_role_arn, RoleSessionName="upload")
    finally:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])


def test_other_credentials(deployment: Deployment) -> None:
    """scripts/local/emulator.py corrects it; the emulator itself does not know the actions."""
    iam, name = deployment.client("iam"), deployment.outputs["ingest"]["uploader_user"]
    assert iam.list_ssh_public_keys(UserName=name)["SSHPublicKeys"] == []
    assert iam.list_service_specific_credentials(UserName=name)["ServiceSpecificCredentials"] == []
    assert iam.list_signing_certificates(UserName=name)["Certificates"] == []
    known = inspect.getsource(iam_service)
    for action in ("ListSSHPublicKeys", "ListServiceSpecificCredentials", "ListSigningCertificates"):
        assert action not in known


def test_mapping_permissions(deployment: Deployment) -> None:
    with WithoutStatement(deployment, deployment.ingest.role_arn, "effects", "TakeFromQueue"):
        upload_and_wait(deployment, "invalid", b"{")


def test_log_permissions(deployment: Deployment) -> None:
    with WithoutStatement(deployment, deployment.ingest.role_arn, "logs", "WriteLog"):
        upload_and_wait(deployment, "invalid", b"{")


def test_key_use_by_services(deployment: Deployment) -> None:
    with WithoutStatement(deployment, deployment.ingest.role_arn, "effects", "UseTopicKey"):
        upload_and_wait(deployment, "invalid", b"{")


def metrics(deployment: Deployment, namespace: str) -> list[dict]:
    return deployment.client("cloudwatch").list_metrics(Namespace=namespace)["Metrics"]


def test_queue_metrics(deployment: Deployment) -> None:
    assert metrics(deployment, "AWS/SQS") == []


def test_function_metrics(deployment: Deployment) -> None:
    def invocations() -> float:
        now = dt.datetime.now(dt.timezone.utc)
        points = deployment.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="Invocations",
            Dimensions=[{"Name": "FunctionName", "Value": deployment.ingest.function}],
            StartTime=now - dt.timedelta(days=1),
            EndTime=now + dt.timedelta(minutes=5),
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in points)

    payload = json.dumps(object_created(deployment, "direct.json", str(uuid.uuid4()), 1)).encode()
    deployment.client("lambda").invoke(FunctionName=deployment.ingest.function, Payload=payload)
    before = invocations()
    assert before > 0, "direct invocations are counted"
    upload_and_wait(deployment, "invalid", b"{")
    assert invocations() == before


def test_embedded_metrics(deployment: Deployment) -> None:
    since = now_ms()
    upload_and_wait(deployment, "invalid", b"{")
    assert readback.metric(readback.log_lines(deployment, since), "Invalid") > 0
    # Other tests put metrics named `Stored`.
    assert "Invalid" not in {metric["MetricName"] for metric in metrics(deployment, "Sluice")}


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


def test_trail_drift(second_plan: dict) -> None:
    assert changed_attributes(second_plan, "aws_cloudtrail") == deviations.tolerated()["aws_cloudtrail"]


def test_trail_files(deployment: Deployment) -> None:
    s3, trail = deployment.client("s3"), deployment.provenance.trail_bucket
    before = s3.list_objects_v2(Bucket=trail)["KeyCount"]
    s3.put_object(Bucket=deployment.provenance.data, Key="incoming/trailed", Body=b"1")
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        assert s3.list_objects_v2(Bucket=trail)["KeyCount"] == before
        time.sleep(0.5)


def test_catalog_views(deployment: Deployment) -> None:
    athena = deployment.client("athena")

    def final_status(sql: str) -> dict:
        query = athena.start_query_execution(
            QueryString=sql,
            WorkGroup=deployment.provenance.workgroup,
            QueryExecutionContext={"Database": deployment.provenance.database},
        )["QueryExecutionId"]
        status: dict = {}

        def finished() -> bool:
            status.update(athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"])
            return status["State"] in ("SUCCEEDED", "FAILED")

        eventually(finished, "result of the query")
        return status

    assert final_status("SELECT 1")["State"] == "SUCCEEDED"
    view = final_status("SELECT count(*) FROM provenance_ledger")
    assert view["State"] == "FAILED" and "provenance_ledger does not exist" in view["StateChangeReason"]


def test_query_permissions(deployment: Deployment) -> None:
    athena, glue = (deployment.client(service, "provenance-auditor") for service in ("athena", "glue"))
    query = athena.start_query_execution(QueryString="SELECT 1", WorkGroup=deployment.provenance.workgroup)
    with pytest.raises(ClientError, match="AccessDenied"):
        athena.get_query_execution(QueryExecutionId=query["QueryExecutionId"])
    with pytest.raises(ClientError, match="AccessDenied"):
        glue.get_database(Name=deployment.provenance.database)
    workgroup = f"arn:aws:athena:{deployment.emulator.region}:{deployment.emulator.account}:workgroup/"
    for action in ("GetNamedQuery", "GetQueryExecution", "GetQueryResults", "StopQueryExecution"):
        answer = deployment.client("iam").simulate_principal_policy(
            PolicySourceArn=deployment.provenance.auditor_role_arn,
            ActionNames=[f"athena:{action}"],
            ResourceArns=[workgroup + deployment.provenance.workgroup],
        )
        assert answer["EvaluationResults"][0]["EvalDecision"] == "allowed", action


def test_rights_elsewhere(deployment: Deployment) -> None:
    """A permission on the resource itself is not sufficient; a permission on any resource is."""
    emulator, ingest = deployment.emulator, deployment.ingest
    root = accounts.client("iam", deployment.stack, emulator, accounts.Credentials(emulator.account, "root"))
    root.create_user(UserName="narrow")
    key = root.create_access_key(UserName="narrow")["AccessKey"]
    keys = accounts.Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    sns = accounts.client("sns", deployment.stack, emulator, keys)
    events = accounts.client("events", deployment.stack, emulator, keys)

    def allow(actions: list[str], resource: str) -> None:
        statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        root.put_user_policy(UserName="narrow", PolicyName="narrow", PolicyDocument=document)

    try:
        allow(["sns:ListTagsForResource"], ingest.topic_arn)
        with pytest.raises(ClientError, match="not authorized"):
            sns.list_tags_for_resource(ResourceArn=ingest.topic_arn)
        allow(["sns:ListTagsForResource"], "*")
        sns.list_tags_for_resource(ResourceArn=ingest.topic_arn)
        rules = f"arn:aws:events:{emulator.region}:{emulator.account}:rule/"
        allow(["events:DescribeRule"], rules + ingest.rule)
        with pytest.raises(ClientError, match="not authorized"):
            events.describe_rule(Name=ingest.rule)
        allow(["events:DescribeRule"], f"{rules}default/{ingest.rule}")
        events.describe_rule(Name=ingest.rule)
    finally:
        root.delete_user_policy(UserName="narrow", PolicyName="narrow")
        root.delete_access_key(UserName="narrow", AccessKeyId=key["AccessKeyId"])
        root.delete_user(UserName="narrow")
