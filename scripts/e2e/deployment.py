"""A deployment on a stack: names from Terraform's outputs, and clients as the users of the stack."""

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
    """The names of a deployed ingest."""

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


@dataclass(frozen=True)
class Provenance:
    """The names of a deployed provenance system."""

    data: str
    receipts: str
    trail_bucket: str
    trail_prefix: str
    database: str
    workgroup: str
    queue_url: str
    dead_letters_url: str
    function: str
    role_arn: str
    log_group: str
    ledger_function: str
    ledger_role_arn: str
    ledger_log_group: str
    signing_key: str
    public_key_pem: str
    rules: list[str]
    uploader_role_arn: str
    auditor_role_arn: str
    operator_role_arn: str

    @staticmethod
    def read(outputs: dict[str, Any]) -> Provenance:
        found = outputs["provenance"]
        renamed = {"data": "data_bucket", "receipts": "receipts_bucket", "dead_letters_url": "queue_dead_letter_url"}
        return Provenance(**{name: found[renamed.get(name, name)] for name in Provenance.__dataclass_fields__})


class Deployment:
    def __init__(self, stack: Stack, emulator: Emulator, outputs: dict[str, Any]) -> None:
        self.stack = stack
        self.emulator = emulator
        self.outputs = outputs
        self._users = accounts.load(stack)
        self._clients: dict[tuple[str, str], Any] = {}

    @cached_property
    def ingest(self) -> Ingest:
        return Ingest.read(self.outputs)

    @cached_property
    def provenance(self) -> Provenance:
        return Provenance.read(self.outputs)

    def client(self, service: str, user: str = "deployer") -> Any:
        """A client as a user of the stack, or as a role: `uploader-role` and `operator-role` of the ingest, or
        `provenance-uploader`, `provenance-auditor` and `provenance-operator` of provenance."""
        if (service, user) not in self._clients:
            self._clients[service, user] = accounts.client(service, self.stack, self.emulator, self._keys(user))
        return self._clients[service, user]

    def _keys(self, user: str) -> Credentials:
        roles = {
            "uploader-role": ("uploader", lambda: self.ingest.uploader_role_arn),
            "operator-role": ("operator", lambda: self.ingest.operator_role_arn),
            "provenance-uploader": ("uploader", lambda: self.provenance.uploader_role_arn),
            "provenance-auditor": ("auditor", lambda: self.provenance.auditor_role_arn),
            "provenance-operator": ("operator", lambda: self.provenance.operator_role_arn),
        }
        if user not in roles:
            return self._users[user]
        who, role_arn = roles[user]
        return accounts.assume(self.stack, self.emulator, self._users[who], role_arn(), f"sluice-{who}")
