"""Object versions for the audits: 2,000, and among them every edge case that once stopped an audit.

Only data: which object is put under which key, and which outcome it must have. The test puts the objects and compares
with an inventory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .scenario import LIMIT, music

ARTIST = "Audit"
FOLDER = "audit/"

# Characters that XML cannot represent, that terminals interpret, and that decoders read differently.
CHARACTERS = (
    *(chr(code) for code in range(1, 0x20)),
    "\x7f",
    "\ufffe",
    "\uffff",
    "\u202e",
    "\u2028",
    "+",
    "%",
    "%2B",
    "%0A",
    " ",
    "  ",
    "\x1b[2K\x1b[1A",
    "\x1b]0;title\x07",
    "\r\n",
    "<&\"'>",
    "`",
    "\\",
    "é",
    "e\u0301",
    "𝄞",
)


@dataclass(frozen=True)
class EdgeCase:
    """One object and its expected outcome: the function's, or `none` if its event is lost, or `skipped`."""

    kind: str
    key: str
    body: bytes
    outcome: str
    extra: dict[str, Any] = field(default_factory=dict)
    # The table key of a valid body.
    item: tuple[str, str] | None = None


def _item(number: object) -> tuple[str, str]:
    return ARTIST, f"TRACK#{number}"


def _valid(kind: str, key: str, number: object, outcome: str = "stored", **extra: Any) -> EdgeCase:
    return EdgeCase(kind, key, music(*_item(number)), outcome, extra, _item(number))


def long_table_key() -> bytes:
    """Valid by the schema, but longer than DynamoDB allows for a key value."""
    return music("k" * 3000, "TRACK#long")


def encrypted() -> dict[str, Any]:
    """Encrypted with the uploader's own key (SSE-C), which is not kept."""
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": os.urandom(32)}


def first_wave(count: int) -> list[EdgeCase]:
    """`count` objects, most of them plain."""
    special = [*_unusual_keys(), *_unreadable("", "unreadable"), *_invalid(), *_not_data()]
    plain = [_plain(number) for number in range(count - len(special))]
    return special + plain


def _plain(number: int) -> EdgeCase:
    key = f"{FOLDER}plain/{number:04}.json"
    if number % 12 == 11:
        return EdgeCase("plain", key, b'{"ArtistID": 1}', "invalid")
    return _valid("plain", key, number)


def _unusual_keys() -> Iterator[EdgeCase]:
    """Each character in the key of a valid file and in that of an invalid one, which is copied to quarantine."""
    for number, character in enumerate(CHARACTERS):
        yield _valid("unusual key", f"{FOLDER}keys/{number:02}{character}a.json", f"key-{number}")
        yield EdgeCase("unusual key", f"{FOLDER}keys/{number:02}{character}b.json", b"[", "invalid")
    for number, length in enumerate((1023, 1024)):
        key = f"{FOLDER}long/{number}".ljust(length, "x")
        yield _valid("long key", key, f"length-{number}")
        yield EdgeCase("long key", f"{FOLDER}long/b{number}".ljust(length, "y"), b"[", "invalid")
    yield _valid("long key", (f"{FOLDER}long/" + "é" * 512)[:517], "length-bytes")


def _unreadable(part: str, outcome: str) -> Iterator[EdgeCase]:
    for number, storage in enumerate(("DEEP_ARCHIVE", "DEEP_ARCHIVE", "GLACIER")):
        name = f"archived{part}-{number}"
        key = f"{FOLDER}archived{part}/{number}.json"
        yield EdgeCase("archived", key, music(*_item(name)), outcome, {"StorageClass": storage})
    for number in range(3):
        yield EdgeCase(
            "customer key",
            f"{FOLDER}customer-key{part}/{number}.json",
            music(*_item(f"customer{part}-{number}")),
            outcome,
            encrypted(),
        )


def _invalid() -> Iterator[EdgeCase]:
    for number in range(3):
        yield EdgeCase("long table key", f"{FOLDER}table-key/{number}.json", long_table_key(), "invalid")
        yield EdgeCase("too large", f"{FOLDER}large/{number}.json", b" " * (LIMIT + 1 + number), "invalid")
    yield EdgeCase("nested", f"{FOLDER}atk", b"{", "invalid")
    yield EdgeCase("suffix", f"{FOLDER}x.reason.json", b"{", "invalid")


def _not_data() -> Iterator[EdgeCase]:
    for number in range(3):
        yield EdgeCase("folder marker", f"{FOLDER}folder-{number}/", b"", "skipped")
        yield EdgeCase("reserved prefix", f"_sluice/audit/{number}.json", b"{}", "skipped")
    yield EdgeCase("not a folder marker", f"{FOLDER}data/", b"{", "invalid")


def second_wave() -> list[EdgeCase]:
    """Objects that arrive after the first wave: conflicting items, copies and corrections."""
    found: list[EdgeCase] = []
    for number in range(40):
        artist, item = _item(number if number % 12 != 11 else number + 1)
        found.append(
            EdgeCase(
                "conflict", f"{FOLDER}conflict/{number}.json", music(artist, item, Title={"S": "other"}), "conflict"
            )
        )
        found.append(EdgeCase("copy", f"{FOLDER}copy/{number}.json", music(artist, item), "duplicate"))
    for number in range(11, 60, 12):
        found.append(_valid("corrected", f"{FOLDER}plain/{number:04}.json", f"corrected-{number}"))
    return found


def nested(version_id: str) -> EdgeCase:
    """An object whose key is that of the copy of `atk` in quarantine."""
    return EdgeCase("nested", f"{FOLDER}atk/{version_id}", b"{", "invalid")


def without_events() -> list[EdgeCase]:
    """Objects that arrive while events are lost: they have no outcome."""
    found = [*_unreadable("-missed", "unreadable")]
    for number in range(30):
        found.append(_valid("missed", f"{FOLDER}missed/{number}.json", f"missed-{number}", "none"))
    for number in range(5):
        found.append(EdgeCase("missed", f"{FOLDER}missed/bad-{number}\x01\uffff.json", b"[", "none"))
        found.append(EdgeCase("missed", f"{FOLDER}missed/table-key-{number}.json", long_table_key(), "none"))
        # Another object has stored an item with this key, from the same bytes or from others.
        found.append(EdgeCase("missed", f"{FOLDER}missed/copy-{number}.json", music(*_item(number)), "duplicate"))
        conflicting = music(*_item(number), Title={"S": "late"})
        found.append(EdgeCase("missed", f"{FOLDER}missed/conflict-{number}.json", conflicting, "none"))
    return found


def young() -> list[EdgeCase]:
    """Objects that have just arrived."""
    return [_valid("young", f"{FOLDER}young/{number}.json", f"young-{number}", "none") for number in range(10)]
