"""The values of the resources of one deployment in a plan."""

from __future__ import annotations

from typing import Any

from ..wiring import resources


class Plan:
    """The values of the resources of one deployment."""

    def __init__(self, shown: dict, key: str) -> None:
        start = f"module.{key}."
        self._values = {
            entry["address"].removeprefix(start): entry["values"]
            for entry in resources(shown)
            if entry["address"].startswith(start)
        }

    def one(self, address: str) -> dict[str, Any]:
        return self._values[address]

    def all(self, start: str, kind: str) -> dict[str, dict[str, Any]]:
        """By the part of the address between `start` and the type; the key of an instance is its own."""
        return {
            address.removeprefix(start): values
            for address, values in self._values.items()
            if address.startswith(start) and f".{kind}." in f".{address.removeprefix(start)}"
        }

    def alarms(self, system: str) -> dict[str, dict[str, Any]]:
        name = f"module.{system}[0].module.consumer.module.alarms.aws_cloudwatch_metric_alarm.this"
        found = {key: values for key, values in self._values.items() if key.startswith(f"{name}[")}
        return {key.removeprefix(f'{name}["').removesuffix('"]'): values for key, values in found.items()}

    def encryption(self, bucket: str) -> tuple[str, str | None, bool | None]:
        [rule] = self.one(f"{bucket}.aws_s3_bucket_server_side_encryption_configuration.this")["rule"]
        [default] = rule["apply_server_side_encryption_by_default"]
        return default["sse_algorithm"], default["kms_master_key_id"] or None, rule["bucket_key_enabled"]

    def lifecycle(self, bucket: str) -> dict[str, tuple[int | None, int | None]]:
        """Days after which current and noncurrent versions expire, by rule."""

        def days(rule: dict, block: str, name: str) -> int | None:
            return rule[block][0][name] if rule[block] else None

        rules = self.one(f"{bucket}.aws_s3_bucket_lifecycle_configuration.this")["rule"]
        return {
            rule["id"]: (
                days(rule, "expiration", "days"),
                days(rule, "noncurrent_version_expiration", "noncurrent_days"),
            )
            for rule in rules
        }
