"""The scenario as data: which files arrive, in which order, and which outcome each must have.

The music items come from the records of the first pipeline: `4EVR` with a list of untyped members, `BLIND` with the
ItemID of another song, `FeelULuvMe` with spaces in its key.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

LIMIT = 1024 * 1024  # `max_object_mib` of the stack's variables


@dataclass(frozen=True)
class Step:
    """One file, or one event about a file, and its expected outcome."""

    title: str
    key: str
    body: bytes
    outcome: str
    reasons: tuple[str, ...] = ()  # each must occur in the reasons that are given
    # upload | redeliver (the event of the step `of`) | delete-and-redeliver (its version is deleted first) | test-event
    action: str = "upload"
    of: str = ""  # the title of an earlier step: the one whose event is redelivered, or whose item is in the table
    item: tuple[str, str] | None = None  # the item that must be in the table, from this file
    put: tuple[tuple[str, str], ...] = ()  # further arguments of the upload


def music(artist: str, item: str, kind: str = "Track", **attributes: dict) -> bytes:
    """One item as DynamoDB JSON, with the indentation of a file written by hand."""
    return json.dumps(
        {"ArtistID": {"S": artist}, "ItemID": {"S": item}, "EntityType": {"S": kind}, **attributes},
        indent=2,
        ensure_ascii=False,
    ).encode()


def track(artist: str, title: str, item: str, duration: int, streams: int, year: int | None, features: list) -> bytes:
    attributes: dict = {"Duration": {"N": str(duration)}, "Streams": {"N": str(streams)}, "Title": {"S": title}}
    if features:
        attributes["Features"] = {"L": features}
    if year:
        attributes["Year"] = {"N": str(year)}
    return music(artist, item, **attributes)


def nested(levels: int) -> dict:
    """A value inside this many lists."""
    value: dict = {"S": "x"}
    for _ in range(levels):
        value = {"L": [value]}
    return value


GUESTS = [{"S": "Knock2"}, {"S": "Isoxo"}]
FOREVER = track("ISOKNOCK", "4EVR", "TRACK#4EVR", 195, 6_000_000, 2024, GUESTS)
FOREVER_BARE = track("ISOKNOCK", "4EVR", "TRACK#4EVR", 195, 6_000_000, 2024, ["Knock2", "Isoxo"])
BLIND = track("ISOKNOCK", "BLIND", "TRACK#BLIND", 216, 7_500_000, 2025, GUESTS)
BLIND_MISNAMED = track("ISOKNOCK", "BLIND", "TRACK#4EVR", 216, 7_500_000, 2025, GUESTS)
SHORT = track("ISOKNOCK", "Short", "TRACK#Short", 1, 0, None, [])
FEEL = track("Knock2", "Feel U Luv Me", "TRACK#FeelULuvMe", 234, 10_000_000, None, [])

# A wave starts when every file of the previous one has its outcome.
WAVES: tuple[tuple[Step, ...], ...] = (
    (
        Step("4EVR, bare list", "test-object.json", FOREVER_BARE, "invalid", ("Features",)),
        Step("4EVR", "4evr.json", FOREVER, "stored", item=("ISOKNOCK", "TRACK#4EVR")),
        Step("Feel U Luv Me", "music/feel u luv me.json", FEEL, "stored", item=("Knock2", "TRACK#FeelULuvMe")),
        Step(
            "plus and non-ASCII in the key",
            "müsik/a+b & 100% 日本 é.json",
            music("Björk", "ALBUM#Début", "Album", Title={"S": "Début"}),
            "stored",
            item=("Björk", "ALBUM#Début"),
        ),
        Step("broken JSON", "broken.json", FOREVER[:-3], "invalid"),
        Step("unknown attribute", "extra.json", music("A", "TRACK#Extra", Label={"S": "x"}), "invalid", ("Label",)),
        Step("no ItemID", "no-item.json", b'{"ArtistID":{"S":"A"}}', "invalid", ("ItemID",)),
        Step("number as text", "type.json", music("A", "TRACK#T", Year={"S": "2024"}), "invalid", ("Year",)),
        Step("too many bytes", "large.json", b" " * (LIMIT + 1), "invalid"),
        Step("no bytes", "empty.json", b"", "invalid"),
        Step(
            "nested too deep",
            "deep.json",
            music("A", "TRACK#Deep", Features=nested(32)),
            "invalid",
            ("nesting", "/Features" + "/L/0" * 31 + "/L"),
        ),
        Step(
            "archived",
            "archived.json",
            music("A", "TRACK#Archived"),
            "unreadable",
            ("archived",),
            put=(("StorageClass", "DEEP_ARCHIVE"),),
        ),
        Step(
            "under the uploader's own key",
            "own-key.json",
            music("A", "TRACK#OwnKey"),
            "unreadable",
            ("customer-key",),
            put=(("SSECustomerAlgorithm", "AES256"), ("SSECustomerKey", "k" * 32)),
        ),
        Step("a folder", "music/", b"", "skipped"),
        Step("Short Lived", "short.json", SHORT, "stored", item=("ISOKNOCK", "TRACK#Short")),
    ),
    (
        Step(
            "BLIND under 4EVR's ItemID",
            "second-test-object.json",
            BLIND_MISNAMED,
            "conflict",
            ("4evr.json",),
            of="4EVR",
        ),
        Step("BLIND", "blind.json", BLIND, "stored", item=("ISOKNOCK", "TRACK#BLIND")),
        Step("the same bytes again", "copy of 4evr.json", FOREVER, "duplicate", of="4EVR"),
        Step(
            "the event again",
            "4evr.json",
            FOREVER,
            "redelivered",
            action="redeliver",
            of="4EVR",
            item=("ISOKNOCK", "TRACK#4EVR"),
        ),
        Step(
            "deleted, then the event again",
            "short.json",
            SHORT,
            "gone",
            action="delete-and-redeliver",
            of="Short Lived",
        ),
        Step("the bucket's test event", "(none)", b"", "nothing", action="test-event"),
    ),
    (Step("4EVR corrected, same key", "test-object.json", FOREVER, "duplicate", of="4EVR"),),
)


def all_steps() -> list[Step]:
    return [step for wave in WAVES for step in wave]
