"""Somebody who is told: a queue subscribed to the topic of notices."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .deployment import Deployment


@dataclass(frozen=True)
class Notice:
    end: str
    key: str
    version_id: str
    subject: str
    message: dict


class Inbox:
    """A queue on the notices' topic; made by `open`, kept messages are read once and remembered."""

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
        """Takes what has arrived; returns every notice so far."""
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                envelope = json.loads(message["Body"])
                body = json.loads(envelope["Message"])
                source = body["source"]
                end = envelope["MessageAttributes"]["end"]["Value"]
                if end != body["end"]:
                    raise AssertionError(f"the notice's attribute says `{end}`, its body `{body['end']}`")
                self.notices.append(Notice(end, source["key"], source["version_id"], envelope.get("Subject", ""), body))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self.notices
