"""Two thousand object versions with every oddity among them that once stopped an audit, and what each must count as.

Pure: what is put where, under which key, with which expectation. The test puts them, and counts by direct reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .scenario import LIMIT, music

ARTIST = "Audit"
FOLDER = "audit/"

# Characters that XML cannot carry, that terminals obey, and that encodings read differently.
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
class Odd:
    """One object and what has to become of it.

    `outcome`: how the function ends it, or `none` where it was never announced, `skipped` where it is none of its
    business. `audit`: what `reconcile` counts it as.
    """

    what: str
    key: str
    body: bytes
    outcome: str
    extra: dict[str, Any] = field(default_factory=dict)
    # The artist and item of a valid body.
    item: tuple[str, str] | None = None


def _item(number: object) -> tuple[str, str]:
    return ARTIST, f"TRACK#{number}"


def _valid(what: str, key: str, number: object, outcome: str = "stored", **extra: Any) -> Odd:
    return Odd(what, key, music(*_item(number)), outcome, extra, _item(number))


def long_table_key() -> bytes:
    """Valid by a schema that allows it, and longer than what DynamoDB takes as a key."""
    return music("k" * 3000, "TRACK#long")


def encrypted() -> dict[str, Any]:
    """Encrypted with a key of the uploader's, which nobody here has."""
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": os.urandom(32)}


def first(count: int) -> list[Odd]:
    """What arrives first; `count` objects, most of them plain."""
    odd = [*_odd_keys(), *_unreadable("", "unreadable"), *_refused(), *_not_data()]
    plain = [_plain(number) for number in range(count - len(odd))]
    return odd + plain


def _plain(number: int) -> Odd:
    key = f"{FOLDER}plain/{number:04}.json"
    if number % 12 == 11:
        return Odd("plain", key, b'{"ArtistID": 1}', "invalid")
    return _valid("plain", key, number)


def _odd_keys() -> Iterator[Odd]:
    """Each character in a key that is stored and in one that is refused, which brings it to the quarantine too."""
    for number, character in enumerate(CHARACTERS):
        yield _valid("odd key", f"{FOLDER}keys/{number:02}{character}a.json", f"key-{number}")
        yield Odd("odd key", f"{FOLDER}keys/{number:02}{character}b.json", b"[", "invalid")
    for number, length in enumerate((1023, 1024)):
        key = f"{FOLDER}long/{number}".ljust(length, "x")
        yield _valid("long key", key, f"length-{number}")
        yield Odd("long key", f"{FOLDER}long/b{number}".ljust(length, "y"), b"[", "invalid")
    yield _valid("long key", (f"{FOLDER}long/" + "é" * 512)[:517], "length-bytes")


def _unreadable(part: str, outcome: str) -> Iterator[Odd]:
    for number, storage in enumerate(("DEEP_ARCHIVE", "DEEP_ARCHIVE", "GLACIER")):
        name = f"archived{part}-{number}"
        key = f"{FOLDER}archived{part}/{number}.json"
        yield Odd("archived", key, music(*_item(name)), outcome, {"StorageClass": storage})
    for number in range(3):
        yield Odd(
            "customer key",
            f"{FOLDER}customer-key{part}/{number}.json",
            music(*_item(f"customer{part}-{number}")),
            outcome,
            encrypted(),
        )


def _refused() -> Iterator[Odd]:
    for number in range(3):
        yield Odd("long table key", f"{FOLDER}table-key/{number}.json", long_table_key(), "invalid")
        yield Odd("too large", f"{FOLDER}large/{number}.json", b" " * (LIMIT + 1 + number), "invalid")
    yield Odd("nested", f"{FOLDER}atk", b"{", "invalid")
    yield Odd("suffix", f"{FOLDER}x.reason.json", b"{", "invalid")


def _not_data() -> Iterator[Odd]:
    for number in range(3):
        yield Odd("folder marker", f"{FOLDER}folder-{number}/", b"", "skipped")
        yield Odd("the project's own", f"_sluice/audit/{number}.json", b"{}", "skipped")
    yield Odd("not a folder marker", f"{FOLDER}data/", b"{", "invalid")


def second() -> list[Odd]:
    """What arrives when the first are there: rivals, copies, corrections."""
    found = []
    for number in range(40):
        artist, item = _item(number if number % 12 != 11 else number + 1)
        found.append(
            Odd("rival", f"{FOLDER}rival/{number}.json", music(artist, item, Title={"S": "other"}), "conflict")
        )
        found.append(Odd("copy", f"{FOLDER}copy/{number}.json", music(artist, item), "duplicate"))
    for number in range(11, 60, 12):
        found.append(_valid("corrected", f"{FOLDER}plain/{number:04}.json", f"corrected-{number}"))
    return found


def nested(version_id: str) -> Odd:
    """The key of a copy of `atk`, as a key of its own."""
    return Odd("nested", f"{FOLDER}atk/{version_id}", b"{", "invalid")


def unannounced() -> list[Odd]:
    """What arrives while events are lost: no outcome, whatever it would be."""
    found = [*_unreadable("-missed", "unreadable")]
    for number in range(30):
        found.append(_valid("missed", f"{FOLDER}missed/{number}.json", f"missed-{number}", "none"))
    for number in range(5):
        found.append(Odd("missed", f"{FOLDER}missed/bad-{number}\x01\uffff.json", b"[", "none"))
        found.append(Odd("missed", f"{FOLDER}missed/table-key-{number}.json", long_table_key(), "none"))
        # Its item is another object's, with the same bytes or with others.
        found.append(Odd("missed", f"{FOLDER}missed/copy-{number}.json", music(*_item(number)), "duplicate"))
        rival = music(*_item(number), Title={"S": "late"})
        found.append(Odd("missed", f"{FOLDER}missed/rival-{number}.json", rival, "none"))
    return found


def young() -> list[Odd]:
    """What arrived just now."""
    return [_valid("young", f"{FOLDER}young/{number}.json", f"young-{number}", "none") for number in range(10)]
