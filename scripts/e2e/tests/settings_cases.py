"""Settings with faults, and the errors that a plan of them must have."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field

from ..offline import ACCOUNT, REGION, Offline
from ..paths import ROOT

SCHEMAS = "../../tests/schemas"
PACKAGE = {"path": "../../tests/package.txt", "sha256": '${filesha256("../../tests/package.txt")}'}
KEY = {"arn": "arn:aws:kms:eu-central-1:111122223333:key/mine", "resource": "*", "via_s3": {}}
SYSTEMS = {
    "ingest": {"package": PACKAGE, "key": KEY | {"via_sns": {}}},
    "provenance": {"packages": {"provenance": PACKAGE, "ledger": PACKAGE}, "key": KEY | {"administration": []}},
}


@dataclass(frozen=True)
class Case:
    """Settings of a system, and the beginning of each error that their plan must have."""

    faults: list[str]
    system: str
    settings: dict | str
    name: str = "sluice-dev"
    region: str = REGION
    more: dict = field(default_factory=dict)

    def call(self) -> dict:
        """The arguments of a call of the reduced module, see `settings_only`."""
        deployment = {
            "name": self.name,
            "bucket_suffix": f"{self.region}-{ACCOUNT}",
            "role_suffix": "",
            "partition": "aws",
            "region": self.region,
            "account_id": ACCOUNT,
            "architecture": "x86_64",
            "log_retention_days": 30,
            "role_path": "/",
            "allow_destroy": False,
        }
        given = {"deployment": deployment, "alarm_topic_arn": "arn", "written": self.settings, "settings": self.settings}
        return {"source": f"{self.system}-settings"} | SYSTEMS[self.system] | given | self.more


def deployment(**arguments: object) -> dict:
    """The arguments of a call of `modules/deployment`."""
    packages = dict.fromkeys(("ingest", "provenance", "ledger"), PACKAGE | {"architecture": "x86_64"})
    given = {"environment": "dev", "account_id": ACCOUNT, "lambda_packages": packages}
    return {"source": "deployment"} | given | arguments


def ingest(**changes: object) -> dict:
    """Settings of `ingest` with changes; those of an object are added to it."""
    settings: dict = {"table": {"hash_key": "OrderID", "range_key": ""}, "schema_file": f"{SCHEMAS}/order.json"}
    for name, value in changes.items():
        is_object = isinstance(value, dict) and isinstance(settings.get(name), dict)
        settings[name] = settings[name] | value if is_object else value
    return settings


def check(settings_only: Offline, name: str, cases: list[Case], more: str = "") -> None:
    """Plans all cases at once: every fault must be reported, and nothing else."""
    modules = {f"case_{number}": case.call() for number, case in enumerate(cases)}
    planned = settings_only.plan(name, modules, more, provider="")
    expected = [fault for case in cases for fault in case.faults]
    found, beginnings = planned.errors(), sorted(set(expected), key=len, reverse=True)
    matched = Counter(next((text for text in beginnings if error.startswith(text)), error) for error in found)
    missing = Counter(expected) - matched
    assert not missing, f"not reported: {json.dumps(missing, indent=2)}\nreported: {json.dumps(found, indent=2)}"
    unexpected = matched - Counter(expected)
    assert not unexpected, f"reported without a reason: {json.dumps(unexpected, indent=2)}"


def rules(system: str) -> list[str]:
    """The beginning of the message of each rule of a system, as far as it is the same for all values."""
    text = (ROOT / "terraform" / "modules" / system / "validation.tf").read_text()
    return re.findall(r'(?m)^    "((?:`|neither)[^"$\\]*)', text)
