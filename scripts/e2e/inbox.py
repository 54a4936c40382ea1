"""A subscriber of the notices: an SQS queue on the ingest's topic."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .deployment import Deployment


@dataclass(frozen=True)
class Notice:
    outcome: str
    key: str
    version_id: str
    subject: str
    message: dict


class Inbox:
    """A queue that is subscribed to the topic by `open`, and every notice that was read from it."""

    def __init__(self, deployment: Deployment, url: str) -> None:
        self._sqs = deployment.client("sqs")
        self._url = url
        self.notices: list[Notice] = []

    @classmethod
    def open(cls, deployment: Deployment, name: str = "sluice-inbox") -> Inbox:
        sqs, topic = deployment.client("sqs"), deployment.ingest.topic_arn
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "TakeNotices",
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
                }
            ],
        }
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        deployment.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return cls(deployment, url)

    def read(self) -> list[Notice]:
        """Receives the new notices; returns all notices received so far."""
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                self.notices.append(_notice(json.loads(message["Body"])))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self.notices


def _notice(envelope: dict) -> Notice:
    body = json.loads(envelope["Message"])
    outcome = envelope["MessageAttributes"]["end"]["Value"]
    if outcome != body["end"]:
        raise AssertionError(f"the notice has the outcome `{outcome}` as its attribute and `{body['end']}` in its body")
    source = body["source"]
    return Notice(outcome, source["key"], source["version_id"], envelope.get("Subject", ""), body)
