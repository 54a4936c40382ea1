"""Reads `terraform show -json` for service-to-service permissions, which the emulator does not ask for and AWS does."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator
from typing import Any

Resource = dict[str, Any]


def resources(shown: dict) -> list[Resource]:
    """Every managed resource of a state (or of a plan's outcome), with `address`, `type` and `values`."""
    values = shown["values"] if "values" in shown else shown["planned_values"]
    return [entry for entry in _of(values["root_module"]) if entry["mode"] == "managed"]


def _of(module: dict) -> Iterator[Resource]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _of(child)


def problems(shown: dict) -> list[str]:
    """What AWS would refuse although the emulator lets it pass; one line each."""
    graph = ResourceGraph(resources(shown))
    return [
        *graph.event_targets(),
        *graph.announcements(),
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
        """A rule reaches its queue, topic or function, and its dead letters, only if these let this rule in."""
        for target in self.of("aws_cloudwatch_event_target"):
            rule = self._rules[target["values"]["rule"]]
            reached = [target["values"]["arn"]]
            reached += [config["arn"] for config in target["values"]["dead_letter_config"] or []]
            for arn in reached:
                if not self._lets_in(arn, "events.amazonaws.com", rule):
                    yield f"{target['address']}: {arn} does not let {rule} in"

    def announcements(self) -> Iterator[str]:
        """A rule on objects hears of a bucket only if that bucket tells the event bus."""
        telling = {
            entry["values"]["bucket"]
            for entry in self.of("aws_s3_bucket_notification")
            if entry["values"]["eventbridge"]
        }
        for rule in self.of("aws_cloudwatch_event_rule"):
            detail = json.loads(rule["values"]["event_pattern"] or "{}").get("detail", {})
            for bucket in detail.get("bucket", {}).get("name", []):
                if bucket not in telling:
                    yield f"{rule['address']}: {bucket} announces nothing"

    def dead_letters(self) -> Iterator[str]:
        """A queue may use another for its dead letters only if that one allows it, and it must keep longer."""
        for arn, queue in self._queues.items():
            policy = json.loads(queue["values"]["redrive_policy"] or "{}")
            if not policy:
                continue
            dead = self._queues.get(policy["deadLetterTargetArn"])
            if dead is None:
                yield f"{queue['address']}: its dead-letter queue is not part of this"
                continue
            allowed = json.loads(dead["values"]["redrive_allow_policy"] or '{"redrivePermission":"allowAll"}')
            if allowed["redrivePermission"] == "denyAll" or arn not in allowed.get("sourceQueueArns", [arn]):
                yield f"{dead['address']}: does not take the dead letters of {arn}"
            if dead["values"]["message_retention_seconds"] <= queue["values"]["message_retention_seconds"]:
                yield f"{dead['address']}: keeps messages no longer than {arn}"

    def encrypted(self) -> Iterator[str]:
        """A service publishes to an encrypted topic only if the key's policy lets the service use the key."""
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
                    if service.startswith("cloudwatch") and not self._lets_in(arn, service, source["values"]["arn"]):
                        yield f"{topic['address']}: does not let {source['address']} in"
                    key = keys.get(topic["values"]["kms_master_key_id"] or "")
                    if key and not _usable(key, service):
                        yield f"{key['address']}: {service} may not use it for {topic['address']}"

    def trails(self) -> Iterator[str]:
        """A trail delivers only to a bucket that lets it in, with a key that lets the service use it."""
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
                    yield f"{trail['address']}: its bucket does not let it {action}"
            key = keys.get(values["kms_key_id"] or "")
            if key and not _usable(key, "cloudtrail.amazonaws.com", values["arn"]):
                yield f"{key['address']}: cloudtrail.amazonaws.com may not use it for {trail['address']}"
            for arn in _trailed(values):
                if arn.startswith(f"{bucket}/"):
                    yield f"{trail['address']}: logs its own deliveries"

    def mappings(self) -> Iterator[str]:
        """An event-source mapping polls its queue as the function's role; the queue hides a message long enough."""
        functions = {entry["values"]["arn"]: entry for entry in self.of("aws_lambda_function")}
        for mapping in self.of("aws_lambda_event_source_mapping"):
            queue = mapping["values"]["event_source_arn"]
            function = functions[mapping["values"]["function_arn"]]
            for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"):
                if not self._granted(function["values"]["role"], action, queue):
                    yield f"{mapping['address']}: the function's role lacks {action} on {queue}"
            needed = 6 * function["values"]["timeout"]
            hidden = self._queues[queue]["values"]["visibility_timeout_seconds"]
            if hidden < needed:
                yield f"{mapping['address']}: {queue} hides a message for {hidden} s; 6 timeouts are {needed} s"

    def functions(self) -> Iterator[str]:
        """A function writes to a log group that is there, as its role."""
        groups = {entry["values"]["name"]: entry["values"]["arn"] for entry in self.of("aws_cloudwatch_log_group")}
        for function in self.of("aws_lambda_function"):
            name = function["values"]["logging_config"][0]["log_group"]
            if name not in groups:
                yield f"{function['address']}: its log group {name} is not part of this"
                continue
            stream = f"{groups[name].removesuffix(':*')}:log-stream:one"
            for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
                if not self._granted(function["values"]["role"], action, stream):
                    yield f"{function['address']}: its role lacks {action} on {stream}"

    def signers(self) -> Iterator[str]:
        """A signing key names the one role that signs; no other statement, here or of a role, lets anybody."""
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
                yield f"{key['address']}: not for one role to sign with"
        for role in self.of("aws_iam_role"):
            if self._granted(role["values"]["arn"], "kms:Sign", "*"):
                yield f"{role['address']}: may sign with more than its key's policy says"

    def _lets_in(self, arn: str, service: str, source: str) -> bool:
        """Whether the policy of a queue, a topic or a function allows `service`, for this source and no other."""
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
    """Whether a statement lets `service` in for this source; a statement without a source lets none in."""
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
