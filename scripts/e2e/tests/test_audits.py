"""2,000 object versions with every oddity among them, and the audits of them.

Every audit finishes and lists exactly what it could not read, and all counts agree with each other and with a count
that asks the buckets and the table directly. `SLUICE_E2E_OBJECTS` changes their number for work on the test itself.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from .. import census, facts, local, oddities
from ..scenario import music
from ..sluice import Sluice
from . import ahead
from .audited import Counted, Prepared, Version, applied, count, fill, settle, switch
from .sluice_tool import at_work

pytestmark = pytest.mark.slow
AHEAD = applied


@dataclass(frozen=True)
class Audit:
    """What an audit said: its exit code, its rows, its last line, and what it told people."""

    code: int
    rows: list[dict]
    total: dict
    err: str

    def versions(self, **having: object) -> set[Version]:
        """The versions of the rows that have these fields."""
        rows = [row for row in self.rows if all(row.get(name) == value for name, value in having.items())]
        found = {(row["key"], row["version_id"]) for row in rows}
        assert len(found) == len(rows), "a version has two rows"
        return found


@dataclass
class Ready:
    made: Prepared
    sluice: Sluice
    counted: Counted

    def audit(self, *arguments: str, user: str = "operator") -> Audit:
        ran = self.sluice(*arguments, "--format", "json", user=user)
        assert ran.code in (0, 1), f"sluice {' '.join(arguments)}: exit {ran.code}\n{ran.out[-2000:]}{ran.err[-2000:]}"
        *rows, total = ran.lines
        return Audit(ran.code, rows, total, ran.err)

    @property
    def grace(self) -> str:
        """Seconds back to the cut."""
        return str(int(time.time() - self.made.cut))


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ready]:
    made = ahead.of(applied)
    fill(made)
    yield Ready(made, at_work(made.deployment, tmp_path_factory.mktemp("audits")), count(made))
    local.down(made.deployment.stack)


def test_the_function_ended_what_it_was_told_of(ready: Ready) -> None:
    """Every announced object has the outcome of its kind, however odd its key or its storage."""
    made, counted = ready.made, ready.counted
    touched = {*made.deleted_items, *made.removed, *made.released}
    damaged = {*made.garbage, *(f"{key}{census.SUFFIX}" for key in made.without_reason)}
    reasons = {version: document["end"] for version, (_, document) in counted.census.reason_of().items()}
    wrong = []
    for version, odd in made.put.items():
        if version in touched or f"{'/'.join(version)}{census.SUFFIX}" in damaged:
            continue
        found = reasons.get(version) or counted.here.get(version)
        if odd.outcome != (found or "skipped"):
            wrong.append(f"{odd.what} {version}: {found}, expected {odd.outcome}")
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:20])
    dead = (made.deployment.ingest.dead_letters_url, made.deployment.provenance.dead_letters_url)
    assert [facts.depth(made.deployment, url) for url in dead] == [0, 0]


def test_reconcile_counts_every_version(ready: Ready) -> None:
    """One row for each version without an outcome and for each that cannot be read; the rest is counted."""
    counted = ready.counted
    audit = ready.audit("reconcile", "--grace", ready.grace)
    expected = Counter(counted.here.values())
    young = len(counted.young)
    total = {
        "stored": expected["stored"],
        "duplicate": expected["duplicate"],
        "refused": expected["refused"],
        "unreadable": expected["unreadable"],
        "young": young,
        "without_end": expected["none"] - young,
        "not_read": 0,
        "total": len(counted.here),
    }
    assert audit.total | total == audit.total
    assert audit.versions() == (counted.of("none") | counted.of("unreadable")) - counted.young
    assert audit.versions(end="unreadable") == counted.of("unreadable")
    assert audit.code == 1


def test_backfill_counts_the_same(ready: Ready) -> None:
    counted = ready.counted
    everything = ready.audit("backfill", "--list")
    assert everything.versions() == counted.here.keys()
    assert everything.total["versions"] == len(counted.here) and everything.code == 0
    missing = ready.audit("backfill", "--missing", "--list")
    expected = {"versions": len(counted.of("none")), "unreadable": len(counted.of("unreadable")), "not_read": 0}
    assert missing.total | expected == missing.total
    assert missing.versions() == counted.of("none") | counted.of("unreadable")
    assert missing.versions(end="unreadable") == counted.of("unreadable")
    assert missing.code == 0, "what can never be read has its outcome"


def test_the_quarantine_is_listed_whole(ready: Ready) -> None:
    """Each version once, by what its record says and not by how keys sort; what is no record is named as such."""
    made, counted = ready.made, ready.counted
    audit = ready.audit("quarantine", "list")
    reasons = counted.census.reason_of()
    ended = [row for row in audit.rows if row.get("end") in ("invalid", "conflict")]
    told = {(row["key"], row["version_id"]): row["end"] for row in ended}
    assert told == {version: document["end"] for version, (_, document) in reasons.items()}
    others = {row["copy_key"] for row in audit.rows if row not in ended}
    unreadable = {key.removesuffix(census.SUFFIX) for key in made.garbage}
    assert others == unreadable | {*made.without_reason, *made.strangers}
    assert audit.total["count"] == len(audit.rows) == len(reasons) + len(others)
    assert (audit.code, audit.total["not_read"]) == (1, len(made.garbage))
    status = ready.audit("status")
    assert status.total["quarantined"] == audit.total["count"]
    assert status.code == 0, status.total


def test_the_provenance_counts_every_version(ready: Ready) -> None:
    """`provenance backfill` and `verify` see the versions that the listing has, and the same ones without a receipt."""
    made, counted = ready.made, ready.counted
    here = {version for version in counted.here if not version[0].startswith(census.OWN)}
    audit = ready.audit("provenance", "backfill", "--grace", ready.grace, "--list")
    assert audit.total["versions"] == len(here)
    assert audit.total["young"] == len(counted.young)
    assert audit.versions(what="no receipt") == made.unheard - counted.young
    unreadable = counted.of("unreadable") - made.unheard
    assert audit.versions(what="refused by S3") == unreadable
    assert audit.versions() == unreadable | (made.unheard - counted.young)
    verified = ready.audit("verify", "--grace", ready.grace, user="auditor")
    assert verified.total["versions"] == len(here)
    assert verified.versions(finding="version-unrecorded") == made.unheard - counted.young
    bytes_gone = {tuple(key.removesuffix(census.SUFFIX).rsplit("/", 1)) for key in made.without_copy}
    assert verified.versions(finding="version-missing") == bytes_gone, "what operators did is no finding"
    assert verified.total["findings"] == len(made.unheard - counted.young) + len(bytes_gone)
    assert verified.code == 1


@pytest.mark.parametrize(
    "command",
    [
        ("reconcile",),
        ("backfill", "--list"),
        ("backfill", "--missing", "--list"),
        ("quarantine", "list"),
        ("status",),
        ("provenance", "backfill", "--list"),
        ("verify",),
    ],
    ids=" ".join,
)
def test_people_read_it_safely(ready: Ready, command: tuple[str, ...]) -> None:
    """As text: the same exit code as JSON, nothing of a key's that a terminal would obey."""
    user = "auditor" if command[0] == "verify" else "operator"
    text, lines = ready.sluice(*command, user=user), ready.sluice(*command, "--format", "json", user=user)
    assert text.code == lines.code and text.code in (0, 1), text.err
    for shown in (text.out, text.err, lines.err):
        bad = {character for character in shown if character in oddities.CHARACTERS and not character.isprintable()}
        assert bad <= {"\n"}, bad


def under_way(number: int, folder: str) -> tuple[str, bytes]:
    body = b"[" if number % 5 == 0 else music(folder, f"TRACK#{number // 2}", Title={"S": str(number)})
    return f"{folder}/{number}.json", body


def test_what_is_under_way_is_not_reported(ready: Ready) -> None:
    """Three audits at a time beside uploads and their function: with their own grace none takes a version for lost."""
    deployment, folder = ready.made.deployment, "under-way"
    s3, names = deployment.client("s3", "uploader-role"), deployment.ingest
    functions = deployment.client("lambda")
    [mapping] = functions.list_event_source_mappings(FunctionName=names.function)["EventSourceMappings"]
    target = f"s3://{names.processing}/{folder}/"
    audits = (
        ("reconcile", "--prefix", f"{folder}/"),
        ("provenance", "backfill", target, "--list"),
        ("verify", target),
    )

    def upload(numbers: range) -> None:
        for number in numbers:
            key, body = under_way(number, folder)
            s3.put_object(Bucket=names.processing, Key=key, Body=body)

    def enable(on: bool) -> None:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=on)

    def look() -> None:
        def one(audit: tuple[str, ...]) -> Audit:
            return ready.audit(*audit, user="auditor" if audit[0] == "verify" else "operator")

        with ThreadPoolExecutor(len(audits)) as pool:
            for audit, said in zip(audits, pool.map(one, audits), strict=True):
                assert (said.code, said.rows) == (0, []), f"{audit}: {said}"

    switch(deployment, on=True)
    enable(False)
    try:
        upload(range(40))
        lost = ready.audit("reconcile", "--prefix", f"{folder}/", "--grace", "0")
        assert (lost.code, len(lost.rows), lost.total["without_end"]) == (1, 40, 40), "without grace they are reported"
        look()
    finally:
        enable(True)
    with ThreadPoolExecutor(1) as pool:
        uploading = pool.submit(upload, range(40, 240))
        looks = 0
        while not uploading.done() or facts.depth(deployment, names.queue_url):
            look()
            looks += 1
        uploading.result()
    assert looks
    settle(deployment)
    whole = ready.audit("reconcile", "--prefix", f"{folder}/", "--grace", "0")
    assert (whole.code, whole.rows) == (0, [])
