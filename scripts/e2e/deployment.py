"""The deployed ingest as its people see it: names from Terraform's outputs, clients from the stack's users."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from . import accounts
from .accounts import Credentials
from .emulator import Emulator
from .paths import Stack


@dataclass(frozen=True)
class Ingest:
    """The names of one deployed ingest."""

    processing: str
    quarantine: str
    table: str
    hash_key: str
    range_key: str
    queue_url: str
    queue_arn: str
    dead_letters_url: str
    dead_letters_arn: str
    function: str
    role_arn: str
    log_group: str
    topic_arn: str
    rule: str
    uploader_role_arn: str
    operator_role_arn: str
    max_object_bytes: int

    @property
    def role(self) -> str:
        return self.role_arn.rpartition("/")[2]

    @staticmethod
    def read(outputs: dict[str, Any]) -> Ingest:
        found = outputs["ingest"]
        renamed = {
            "processing": "processing_bucket",
            "quarantine": "quarantine_bucket",
            "dead_letters_url": "queue_dead_letter_url",
            "dead_letters_arn": "queue_dead_letter_arn",
        }
        return Ingest(**{name: found[renamed.get(name, name)] for name in Ingest.__dataclass_fields__})


class Deployment:
    def __init__(self, stack: Stack, emulator: Emulator, outputs: dict[str, Any]) -> None:
        self.stack = stack
        self.emulator = emulator
        self.ingest = Ingest.read(outputs)
        self._users = accounts.load(stack)
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, user: str = "deployer") -> Any:
        """A client as a user of the stack, or as the role `uploader-role` or `operator-role`."""
        if (service, user) not in self._clients:
            self._clients[service, user] = accounts.client(service, self.stack, self.emulator, self._keys(user))
        return self._clients[service, user]

    def _keys(self, user: str) -> Credentials:
        if user == "uploader-role":
            return self._uploader
        if user == "operator-role":
            return self._operator
        return self._users[user]

    @cached_property
    def _uploader(self) -> Credentials:
        return self._assume("uploader", self.ingest.uploader_role_arn)

    @cached_property
    def _operator(self) -> Credentials:
        return self._assume("operator", self.ingest.operator_role_arn)

    def _assume(self, user: str, role_arn: str) -> Credentials:
        return accounts.assume(self.stack, self.emulator, self._users[user], role_arn, f"sluice-{user}")
