"""Compares the outcomes of the uploads under faults with an inventory."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field

from .inventory import Inventory, KeyVersion
from .uploads import Upload


@dataclass
class Comparison:
    """How many accepted versions have which outcome, and what contradicts the model, one line each."""

    counts: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        kinds = (("lost", self.lost), ("in two places", self.twice), ("wrong", self.wrong))
        return [f"{what}: {line}" for what, lines in kinds for line in lines]


def compare(accepted: dict[KeyVersion, Upload], inventory: Inventory) -> Comparison:
    found = Comparison()
    model = _Model(accepted, inventory)
    for version, upload in accepted.items():
        outcome = model.outcome(version, upload, found)
        if outcome:
            found.counts[outcome] += 1
    expected_items = {upload.item for upload in accepted.values() if upload.item}
    found.wrong += [
        f"no item {key}, although a valid file has its key" for key in expected_items - model.stored_versions.keys()
    ]
    unexpected = {
        "in the processing bucket": inventory.present.keys() - accepted.keys(),
        "in the table": inventory.items.keys() - accepted.keys(),
        "in quarantine": model.reasons.keys() - accepted.keys(),
    }
    for location, versions in unexpected.items():
        found.wrong += [f"{location}, but no client received its version-id: {version}" for version in versions]
    found.wrong += [f"an item without an upload: {item}" for item in inventory.foreign_items]
    known = {f"{key}/{version_id}" for key, version_id in accepted}
    found.wrong += [f"a copy without an upload: {key}" for key in inventory.copies.keys() - known]
    found.wrong += [
        f"an invalid reason record: {key}" for key in model.unreadable - {copy for copy, _ in model.records}
    ]
    return found


class _Model:
    def __init__(self, accepted: dict[KeyVersion, Upload], inventory: Inventory) -> None:
        self.accepted = accepted
        self.inventory = inventory
        self.reasons = inventory.reasons_by_version()
        self.records = list(self.reasons.values())
        self.unreadable = {key.removesuffix(".reason.json") for key in inventory.reasons}
        # By table key, the version that the item in the table comes from.
        self.stored_versions = {accepted[version].item: version for version in inventory.items if version in accepted}

    def outcome(self, version: KeyVersion, upload: Upload, found: Comparison) -> str:
        """The outcome that the buckets and the table show; adds its problems to `found`."""
        key, version_id = version
        shown = f"{key!r} {version_id} ({upload.kind}, item {upload.item})"
        present, item = version in self.inventory.present, version in self.inventory.items
        copy = self.inventory.copies.get(f"{key}/{version_id}")
        reason = self.reasons.get(version)
        if not present and copy is None:
            found.lost.append(f"{shown}: its bytes are lost")
            return ""
        if (present or item) and (copy or reason):
            locations = {"the bucket": present, "the table": item, "a copy": copy, "a reason": reason}
            found.twice.append(
                f"{shown}: in {', '.join(name for name, found_there in locations.items() if found_there)}"
            )
            return ""
        if upload.kind == "folder":
            self._expect(present and not item, f"{shown}: a folder marker was moved", found)
            return "skipped"
        if copy or reason:
            return self._quarantined(version, upload, shown, found)
        if upload.kind == "invalid":
            found.lost.append(f"{shown}: invalid, but without an outcome")
            return ""
        if item:
            return self._stored(version, upload, shown, found)
        return self._duplicate(upload, shown, found)

    def _stored(self, version: KeyVersion, upload: Upload, shown: str, found: Comparison) -> str:
        item = self.inventory.items[version]
        attributes = {name: value for name, value in item.items() if name != "_source"}
        sha256 = item["_source"]["M"]["sha256"]["S"]
        self._expect(attributes == json.loads(upload.body), f"{shown}: its item has other attributes", found)
        self._expect(sha256 == hashlib.sha256(upload.body).hexdigest(), f"{shown}: its item has another hash", found)
        return "stored"

    def _duplicate(self, upload: Upload, shown: str, found: Comparison) -> str:
        stored = self.stored_versions.get(upload.item)
        if stored is None or self.accepted[stored].body != upload.body:
            found.lost.append(f"{shown}: valid, but without an outcome")
            return ""
        return "duplicate"

    def _quarantined(self, version: KeyVersion, upload: Upload, shown: str, found: Comparison) -> str:
        key, version_id = version
        copy = self.inventory.copies.get(f"{key}/{version_id}")
        reason = self.reasons.get(version)
        if copy is None or reason is None:
            found.wrong.append(f"{shown}: a {'reason without a copy' if reason else 'copy without a reason'}")
            return ""
        document = reason[1]
        expected = "invalid" if upload.kind == "invalid" else "conflict"
        self._expect(document["end"] == expected, f"{shown}: the reason record has `{document['end']}`", found)
        digest = hashlib.md5(upload.body, usedforsecurity=False).hexdigest()
        self._expect((copy.etag, copy.size) == (digest, len(upload.body)), f"{shown}: its copy has other bytes", found)
        if expected == "conflict":
            stored = self.stored_versions.get(upload.item)
            other = document.get("other") or {}
            named = (other.get("key"), other.get("version_id"))
            self._expect(named == stored, f"{shown}: the reason record names {named}, not {stored}", found)
            same = stored is not None and self.accepted[stored].body == upload.body
            self._expect(not same, f"{shown}: a conflict with an item of the same bytes", found)
        return expected

    @staticmethod
    def _expect(holds: bool, problem: str, found: Comparison) -> None:
        if not holds:
            found.wrong.append(problem)
