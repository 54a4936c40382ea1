"""Checks `terraform show -json` for permissions between services, which AWS enforces and the emulator does not."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator
from typing import Any

Resource = dict[str, Any]


def resources(shown: dict) -> list[Resource]:
    """Every managed resource of a state or a plan, with `address`, `type` and `values`."""
    values = shown["values"] if "values" in shown else shown["planned_values"]
    return [entry for entry in _of(values["root_module"]) if entry["mode"] == "managed"]


def _of(module: dict) -> Iterator[Resource]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _of(child)


def problems(shown: dict) -> list[str]:
    """What AWS would deny and the emulator allows, one line each."""
    graph = ResourceGraph(resources(shown))
    return [
        *graph.event_targets(),
        *graph.notifications(),
        *graph.dead_letters(),
        *graph.encrypted(),
        *graph.trails(),
        *graph.mappings(),
        *graph.functions(),
        *graph.signers(),
    ]


class ResourceGraph:
    def __init__(self, found: list[Resource]) -> None:
        self._all = found
        self._queues = {entry["values"]["arn"]: entry for entry in self.of("aws_sqs_queue")}
        self._topics = {entry["values"]["arn"]: entry for entry in self.of("aws_sns_topic")}
        self._rules = {
            entry["values"]["name"]: entry["values"]["arn"] for entry in self.of("aws_cloudwatch_event_rule")
        }

    def of(self, kind: str) -> list[Resource]:
        return [entry for entry in self._all if entry["type"] == kind]

    def event_targets(self) -> Iterator[str]:
        """The policies of a rule's targets and of their dead-letter queues must allow this rule."""
        for target in self.of("aws_cloudwatch_event_target"):
            rule = self._rules[target["values"]["rule"]]
            reached = [target["values"]["arn"]]
            reached += [config["arn"] for config in target["values"]["dead_letter_config"] or []]
            for arn in reached:
                if not self._allows_service(arn, "events.amazonaws.com", rule):
                    yield f"{target['address']}: {arn} does not allow {rule}"

    def notifications(self) -> Iterator[str]:
        """A bucket in a rule's event pattern must send its events to EventBridge."""
        notifying = {
            entry["values"]["bucket"]
            for entry in self.of("aws_s3_bucket_notification")
            if entry["values"]["eventbridge"]
        }
        for rule in self.of("aws_cloudwatch_event_rule"):
            detail = json.loads(rule["values"]["event_pattern"] or "{}").get("detail", {})
            for bucket in detail.get("bucket", {}).get("name", []):
                if bucket not in notifying:
                    yield f"{rule['address']}: {bucket} sends no events"

    def dead_letters(self) -> Iterator[str]:
        """A dead-letter queue must allow its source queue and keep messages longer."""
        for arn, queue in self._queues.items():
            policy = json.loads(queue["values"]["redrive_policy"] or "{}")
            if not policy:
                continue
            dead = self._queues.get(policy["deadLetterTargetArn"])
            if dead is None:
                yield f"{queue['address']}: its dead-letter queue does not exist"
                continue
            allowed = json.loads(dead["values"]["redrive_allow_policy"] or '{"redrivePermission":"allowAll"}')
            if allowed["redrivePermission"] == "denyAll" or arn not in allowed.get("sourceQueueArns", [arn]):
                yield f"{dead['address']}: does not allow {arn} as a source"
            if dead["values"]["message_retention_seconds"] <= queue["values"]["message_retention_seconds"]:
                yield f"{dead['address']}: does not keep messages longer than {arn}"

    def encrypted(self) -> Iterator[str]:
        """The key policy of an encrypted topic must allow the services that publish to it."""
        keys = {entry["values"]["arn"]: entry for entry in self.of("aws_kms_key")}
        for kind, attribute, service in (
            ("aws_cloudwatch_metric_alarm", "alarm_actions", "cloudwatch.amazonaws.com"),
            ("aws_cloudwatch_event_target", "arn", "events.amazonaws.com"),
        ):
            for source in self.of(kind):
                named = source["values"][attribute] or []
                for arn in [named] if isinstance(named, str) else named:
                    topic = self._topics.get(arn)
                    if topic is None:
                        continue
                    if service.startswith("cloudwatch") and not self._allows_service(
                        arn, service, source["values"]["arn"]
                    ):
                        yield f"{topic['address']}: does not allow {source['address']}"
                    key = keys.get(topic["values"]["kms_master_key_id"] or "")
                    if key and not _usable(key, service):
                        yield f"{key['address']}: {service} may not use it for {topic['address']}"

    def trails(self) -> Iterator[str]:
        """The policies of a trail's bucket and key must allow CloudTrail."""
        policies = {entry["values"]["bucket"]: entry["values"]["policy"] for entry in self.of("aws_s3_bucket_policy")}
        keys = {entry["values"]["arn"]: entry for entry in self.of("aws_kms_key")}
        for trail in self.of("aws_cloudtrail"):
            values = trail["values"]
            bucket = f"arn:aws:s3:::{values['s3_bucket_name']}"
            wanted = {"s3:GetBucketAcl": bucket, "s3:PutObject": f"{bucket}/AWSLogs/{values['arn'].split(':')[4]}/one"}
            for action, resource in wanted.items():
                if not any(
                    _allows(statement, "cloudtrail.amazonaws.com", values["arn"])
                    and action in _list(statement["Action"])
                    and any(_matches(pattern, resource) for pattern in _list(statement["Resource"]))
                    for statement in json.loads(policies[values["s3_bucket_name"]])["Statement"]
                ):
                    yield f"{trail['address']}: its bucket does not allow it {action}"
            key = keys.get(values["kms_key_id"] or "")
            if key and not _usable(key, "cloudtrail.amazonaws.com", values["arn"]):
                yield f"{key['address']}: cloudtrail.amazonaws.com may not use it for {trail['address']}"
            for arn in _trailed(values):
                if arn.startswith(f"{bucket}/"):
                    yield f"{trail['address']}: logs its own deliveries"

    def mappings(self) -> Iterator[str]:
        """An event-source mapping polls with the function's role; the visibility timeout is at least six timeouts."""
        functions = {entry["values"]["arn"]: entry for entry in self.of("aws_lambda_function")}
        for mapping in self.of("aws_lambda_event_source_mapping"):
            queue = mapping["values"]["event_source_arn"]
            function = functions[mapping["values"]["function_arn"]]
            for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"):
                if not self._granted(function["values"]["role"], action, queue):
                    yield f"{mapping['address']}: the function's role lacks {action} on {queue}"
            needed = 6 * function["values"]["timeout"]
            visibility = self._queues[queue]["values"]["visibility_timeout_seconds"]
            if visibility < needed:
                yield f"{mapping['address']}: the visibility timeout of {queue} is {visibility} s, less than {needed} s"

    def functions(self) -> Iterator[str]:
        """A function writes to an existing log group, with its role."""
        groups = {entry["values"]["name"]: entry["values"]["arn"] for entry in self.of("aws_cloudwatch_log_group")}
        for function in self.of("aws_lambda_function"):
            name = function["values"]["logging_config"][0]["log_group"]
            if name not in groups:
                yield f"{function['address']}: its log group {name} does not exist"
                continue
            stream = f"{groups[name].removesuffix(':*')}:log-stream:one"
            for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
                if not self._granted(function["values"]["role"], action, stream):
                    yield f"{function['address']}: its role lacks {action} on {stream}"

    def signers(self) -> Iterator[str]:
        """The policy of a signing key allows one role to sign, and no policy of a role allows it."""
        for key in self.of("aws_kms_key"):
            if key["values"]["key_usage"] != "SIGN_VERIFY":
                continue
            named = [
                arn
                for statement in json.loads(key["values"]["policy"])["Statement"]
                if any(_matches(pattern, "kms:Sign") for pattern in _list(statement["Action"]))
                for arn in _list(statement["Principal"]["AWS"])
            ]
            roles = {entry["values"]["arn"] for entry in self.of("aws_iam_role")}
            if len(named) != 1 or named[0] not in roles:
                yield f"{key['address']}: does not allow exactly one role to sign"
        for role in self.of("aws_iam_role"):
            if self._granted(role["values"]["arn"], "kms:Sign", "*"):
                yield f"{role['address']}: may sign with other keys than its own"

    def _allows_service(self, arn: str, service: str, source: str) -> bool:
        """Whether the policy of a queue, topic or function allows `service` for this source."""
        if ":lambda:" in arn:
            return any(
                grant["values"]["principal"] == service
                and _matches(grant["values"]["source_arn"] or "", source)
                and grant["values"]["function_name"] in (arn, arn.rpartition(":")[2])
                for grant in self.of("aws_lambda_permission")
            )
        entry = self._queues.get(arn) or self._topics.get(arn)
        if entry is None:
            return False
        return any(
            _allows(statement, service, source) for statement in json.loads(entry["values"]["policy"])["Statement"]
        )

    def _granted(self, role_arn: str, action: str, resource: str) -> bool:
        return any(
            statement["Effect"] == "Allow"
            and any(_matches(pattern, action) for pattern in _list(statement["Action"]))
            and any(_matches(pattern, resource) for pattern in _list(statement["Resource"]))
            for statement in self._statements(role_arn)
        )

    def _statements(self, role_arn: str) -> Iterator[dict]:
        for policy in self.of("aws_iam_role_policy"):
            if policy["values"]["role"] == role_arn.rpartition("/")[2]:
                yield from json.loads(policy["values"]["policy"])["Statement"]


def _allows(statement: dict, service: str, source: str) -> bool:
    """Whether a statement allows `service` for this source; a statement without a source condition does not count."""
    principal = statement["Principal"]
    return (
        statement["Effect"] == "Allow"
        and isinstance(principal, dict)
        and service in _list(principal.get("Service", []))
        and any(_matches(pattern, source) for pattern in _source_arns(statement))
    )


def _usable(key: Resource, service: str, source: str | None = None) -> bool:
    for statement in json.loads(key["values"]["policy"])["Statement"]:
        principal = statement["Principal"]
        named = isinstance(principal, dict) and service in _list(principal.get("Service", []))
        if source is not None:
            named = _allows(statement, service, source)
        if named and {"kms:Decrypt", "kms:GenerateDataKey"} <= set(_list(statement["Action"])):
            return True
    return False


def _trailed(values: dict) -> Iterator[str]:
    for selector in values["advanced_event_selector"]:
        for field in selector["field_selector"]:
            if field["field"] == "resources.ARN":
                yield from field["starts_with"]


def _source_arns(statement: dict) -> list[str]:
    found = []
    for operator in ("ArnEquals", "ArnLike", "StringEquals"):
        found += _list(statement.get("Condition", {}).get(operator, {}).get("aws:SourceArn", []))
    return found


def _list(value: Any) -> list:
    return value if isinstance(value, list) else [value]


def _matches(pattern: str, text: str) -> bool:
    return fnmatch.fnmatchcase(text, pattern)
