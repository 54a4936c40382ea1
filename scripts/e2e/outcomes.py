"""What became of uploads: the model of the fault run against a census."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field

from .census import Census, Version
from .uploads import Upload


@dataclass
class Outcomes:
    """How each accepted version ended, and what contradicts the model, one line each."""

    counts: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        kinds = (("lost", self.lost), ("in two places", self.twice), ("wrong", self.wrong))
        return [f"{what}: {line}" for what, lines in kinds for line in lines]


def compare(accepted: dict[Version, Upload], census: Census) -> Outcomes:
    found = Outcomes()
    model = _Model(accepted, census)
    for version, upload in accepted.items():
        outcome = model.outcome(version, upload, found)
        if outcome:
            found.counts[outcome] += 1
    claimed = {upload.item for upload in accepted.values() if upload.item}
    found.wrong += [f"no item {key}, though a valid file claims it" for key in claimed - model.winners.keys()]
    strange = {
        "in the processing bucket": census.present.keys() - accepted.keys(),
        "in the table": census.items.keys() - accepted.keys(),
        "in quarantine": model.reasons.keys() - accepted.keys(),
    }
    for place, versions in strange.items():
        found.wrong += [f"{place}, and no client was told of it: {version}" for version in versions]
    found.wrong += [f"an item of no upload: {item}" for item in census.foreign_items]
    known = {f"{key}/{version_id}" for key, version_id in accepted}
    found.wrong += [f"a copy of no upload: {key}" for key in census.copies.keys() - known]
    found.wrong += [
        f"a reason record that cannot be read: {key}" for key in model.unreadable - {copy for copy, _ in model.records}
    ]
    return found


class _Model:
    def __init__(self, accepted: dict[Version, Upload], census: Census) -> None:
        self.accepted = accepted
        self.census = census
        self.reasons = census.reason_of()
        self.records = list(self.reasons.values())
        self.unreadable = {key.removesuffix(".reason.json") for key in census.reasons}
        # The version whose item is in the table, by table key.
        self.winners = {accepted[version].item: version for version in census.items if version in accepted}

    def outcome(self, version: Version, upload: Upload, found: Outcomes) -> str:
        """The outcome that the places show; adds what is wrong with it."""
        key, version_id = version
        shown = f"{key!r} {version_id} ({upload.kind}, item {upload.item})"
        here, item = version in self.census.present, version in self.census.items
        copy = self.census.copies.get(f"{key}/{version_id}")
        reason = self.reasons.get(version)
        if not here and copy is None:
            found.lost.append(f"{shown}: its bytes are nowhere")
            return ""
        if (here or item) and (copy or reason):
            places = {"the bucket": here, "the table": item, "a copy": copy, "a reason": reason}
            found.twice.append(f"{shown}: in {', '.join(place for place, there in places.items() if there)}")
            return ""
        if upload.kind == "folder":
            self._expect(here and not item, f"{shown}: a folder marker was moved", found)
            return "skipped"
        if copy or reason:
            return self._refused(version, upload, shown, found)
        if upload.kind == "invalid":
            found.lost.append(f"{shown}: invalid, and without an outcome")
            return ""
        if item:
            return self._stored(version, upload, shown, found)
        return self._duplicate(upload, shown, found)

    def _stored(self, version: Version, upload: Upload, shown: str, found: Outcomes) -> str:
        item = self.census.items[version]
        attributes = {name: value for name, value in item.items() if name != "_source"}
        sha256 = item["_source"]["M"]["sha256"]["S"]
        self._expect(attributes == json.loads(upload.body), f"{shown}: its item has other attributes", found)
        self._expect(sha256 == hashlib.sha256(upload.body).hexdigest(), f"{shown}: its item has another hash", found)
        return "stored"

    def _duplicate(self, upload: Upload, shown: str, found: Outcomes) -> str:
        winner = self.winners.get(upload.item)
        if winner is None or self.accepted[winner].body != upload.body:
            found.lost.append(f"{shown}: valid, and without an outcome")
            return ""
        return "duplicate"

    def _refused(self, version: Version, upload: Upload, shown: str, found: Outcomes) -> str:
        key, version_id = version
        copy = self.census.copies.get(f"{key}/{version_id}")
        reason = self.reasons.get(version)
        if copy is None or reason is None:
            found.wrong.append(f"{shown}: a {'reason without a copy' if reason else 'copy without a reason'}")
            return ""
        document = reason[1]
        expected = "invalid" if upload.kind == "invalid" else "conflict"
        self._expect(document["end"] == expected, f"{shown}: the reason says `{document['end']}`", found)
        digest = hashlib.md5(upload.body, usedforsecurity=False).hexdigest()
        self._expect((copy.etag, copy.size) == (digest, len(upload.body)), f"{shown}: its copy has other bytes", found)
        if expected == "conflict":
            winner = self.winners.get(upload.item)
            other = document.get("other") or {}
            named = (other.get("key"), other.get("version_id"))
            self._expect(named == winner, f"{shown}: the reason names {named}, the item is of {winner}", found)
            same = winner is not None and self.accepted[winner].body == upload.body
            self._expect(not same, f"{shown}: refused as a conflict with its own bytes", found)
        return expected

    @staticmethod
    def _expect(holds: bool, problem: str, found: Outcomes) -> None:
        if not holds:
            found.wrong.append(problem)
