"""The audits of 2,000 object versions, which include every edge case.

Every audit completes and lists exactly what it could not read. All counts agree with each other and with an inventory
that is read directly from the buckets and the table.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from .. import edge_cases, local, readback
from ..inventory import REASON_SUFFIX, RESERVED_PREFIX, KeyVersion
from ..scenario import music
from ..sluice import Sluice
from . import tool_setup
from .background import Background
from .stack_setup import AppliedStack
from .stacks.audits import AuditedObjects, Counted, count, enable_events, fill, wait_for_empty_queues

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Audit:
    """The result of an audit: exit code, rows, summary line and standard error."""

    code: int
    rows: list[dict]
    total: dict
    err: str

    def versions(self, **having: object) -> set[KeyVersion]:
        """The versions of the rows that have these fields."""
        rows = [row for row in self.rows if all(row.get(name) == value for name, value in having.items())]
        found = {(row["key"], row["version_id"]) for row in rows}
        assert len(found) == len(rows), "a version has two rows"
        return found


@dataclass
class AuditRun:
    made: AuditedObjects
    sluice: Sluice
    counted: Counted

    def audit(self, *arguments: str, user: str = "operator") -> Audit:
        completed = self.sluice(*arguments, "--format", "json", user=user)
        shown = completed.out[-2000:] + completed.err[-2000:]
        assert completed.code in (0, 1), f"sluice {' '.join(arguments)}: exit {completed.code}\n{shown}"
        *rows, total = completed.lines
        return Audit(completed.code, rows, total, completed.err)

    @property
    def grace(self) -> str:
        """The age above which a version must have an outcome, in seconds."""
        return str(int(time.time() - self.made.young_since))


@pytest.fixture(scope="module")
def ready(
    audits_stack_started: Background[AppliedStack], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AuditRun]:
    made = AuditedObjects(audits_stack_started.result().deployment)
    fill(made)
    yield AuditRun(made, tool_setup.install(made.deployment, tmp_path_factory.mktemp("audits")), count(made))
    local.down(made.deployment.stack)


def test_every_event_leads_to_the_expected_outcome(ready: AuditRun) -> None:
    """Every object with an event has the expected outcome, whatever its key or its storage class."""
    made, counted = ready.made, ready.counted
    touched = {*made.deleted_items, *made.removed, *made.released}
    damaged = {*made.invalid_reasons, *(f"{key}{REASON_SUFFIX}" for key in made.without_reason)}
    reasons = {version: document["end"] for version, (_, document) in counted.inventory.reasons_by_version().items()}
    wrong = []
    for version, edge_case in made.put.items():
        if version in touched or f"{'/'.join(version)}{REASON_SUFFIX}" in damaged:
            continue
        found = reasons.get(version) or counted.outcomes.get(version)
        if edge_case.outcome != (found or "skipped"):
            wrong.append(f"{edge_case.kind} {version}: {found}, expected {edge_case.outcome}")
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:20])
    dead = (made.deployment.ingest.dead_letters_url, made.deployment.provenance.dead_letters_url)
    assert [readback.depth(made.deployment, url) for url in dead] == [0, 0]


def test_reconcile_counts_every_version(ready: AuditRun) -> None:
    """One row for each version without an outcome or that cannot be read; the others are only counted."""
    counted = ready.counted
    audit = ready.audit("reconcile", "--grace", ready.grace)
    expected = Counter(counted.outcomes.values())
    young = len(counted.young)
    total = {
        "stored": expected["stored"],
        "duplicate": expected["duplicate"],
        "refused": expected["refused"],
        "unreadable": expected["unreadable"],
        "young": young,
        "without_end": expected["none"] - young,
        "not_read": 0,
        "total": len(counted.outcomes),
    }
    assert audit.total | total == audit.total
    assert audit.versions() == (counted.of("none") | counted.of("unreadable")) - counted.young
    assert audit.versions(end="unreadable") == counted.of("unreadable")
    assert audit.code == 1


def test_backfill_counts_the_same(ready: AuditRun) -> None:
    counted = ready.counted
    everything = ready.audit("backfill", "--list")
    assert everything.versions() == counted.outcomes.keys()
    assert everything.total["versions"] == len(counted.outcomes) and everything.code == 0
    missing = ready.audit("backfill", "--missing", "--list")
    expected = {"versions": len(counted.of("none")), "unreadable": len(counted.of("unreadable")), "not_read": 0}
    assert missing.total | expected == missing.total
    assert missing.versions() == counted.of("none") | counted.of("unreadable")
    assert missing.versions(end="unreadable") == counted.of("unreadable")
    assert missing.code == 0, "an unreadable version has an outcome"


def test_quarantine_list_has_every_version_once(ready: AuditRun) -> None:
    """Versions are taken from the reason records, not from the order of the keys; other objects are listed as such."""
    made, counted = ready.made, ready.counted
    audit = ready.audit("quarantine", "list")
    reasons = counted.inventory.reasons_by_version()
    quarantined = [row for row in audit.rows if row.get("end") in ("invalid", "conflict")]
    listed = {(row["key"], row["version_id"]): row["end"] for row in quarantined}
    assert listed == {version: document["end"] for version, (_, document) in reasons.items()}
    others = {row["copy_key"] for row in audit.rows if row not in quarantined}
    unreadable = {key.removesuffix(REASON_SUFFIX) for key in made.invalid_reasons}
    assert others == unreadable | {*made.without_reason, *made.foreign_objects}
    assert audit.total["count"] == len(audit.rows) == len(reasons) + len(others)
    assert (audit.code, audit.total["not_read"]) == (1, len(made.invalid_reasons))
    status = ready.audit("status")
    assert status.total["quarantined"] == audit.total["count"]
    assert status.code == 0, status.total


def test_provenance_audits_count_every_version(ready: AuditRun) -> None:
    """`provenance backfill` and `verify` count all versions and find the same ones without a receipt."""
    made, counted = ready.made, ready.counted
    recorded = {version for version in counted.outcomes if not version[0].startswith(RESERVED_PREFIX)}
    audit = ready.audit("provenance", "backfill", "--grace", ready.grace, "--list")
    assert audit.total["versions"] == len(recorded)
    assert audit.total["young"] == len(counted.young)
    assert audit.versions(what="no receipt") == made.without_event - counted.young
    unreadable = counted.of("unreadable") - made.without_event
    assert audit.versions(what="refused by S3") == unreadable
    assert audit.versions() == unreadable | (made.without_event - counted.young)
    verified = ready.audit("verify", "--grace", ready.grace, user="auditor")
    assert verified.total["versions"] == len(recorded)
    assert verified.versions(finding="version-unrecorded") == made.without_event - counted.young
    missing = {tuple(key.removesuffix(REASON_SUFFIX).rsplit("/", 1)) for key in made.without_copy}
    assert verified.versions(finding="version-missing") == missing, "what operators delete is not a finding"
    assert verified.total["findings"] == len(made.without_event - counted.young) + len(missing)
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
def test_text_output_is_safe_for_a_terminal(ready: AuditRun, command: tuple[str, ...]) -> None:
    """Text output has the exit code of JSON output, and no control character of a key reaches the terminal."""
    user = "auditor" if command[0] == "verify" else "operator"
    text, lines = ready.sluice(*command, user=user), ready.sluice(*command, "--format", "json", user=user)
    assert text.code == lines.code and text.code in (0, 1), text.err
    for shown in (text.out, text.err, lines.err):
        unsafe = {
            character for character in shown if character in edge_cases.CHARACTERS and not character.isprintable()
        }
        assert unsafe <= {"\n"}, unsafe


def file_in_process(number: int, folder: str) -> tuple[str, bytes]:
    body = b"[" if number % 5 == 0 else music(folder, f"TRACK#{number // 2}", Title={"S": str(number)})
    return f"{folder}/{number}.json", body


def test_versions_in_process_are_not_reported(ready: AuditRun) -> None:
    """Three audits run while files are uploaded and processed: with the default grace, no version is reported."""
    deployment, folder = ready.made.deployment, "in-process"
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
            key, body = file_in_process(number, folder)
            s3.put_object(Bucket=names.processing, Key=key, Body=body)

    def enable_mapping(enabled: bool) -> None:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)

    def run_audits() -> None:
        def run(audit: tuple[str, ...]) -> Audit:
            return ready.audit(*audit, user="auditor" if audit[0] == "verify" else "operator")

        with ThreadPoolExecutor(len(audits)) as pool:
            for audit, result in zip(audits, pool.map(run, audits), strict=True):
                assert (result.code, result.rows) == (0, []), f"{audit}: {result}"

    enable_events(deployment, True)
    enable_mapping(False)
    try:
        upload(range(40))
        lost = ready.audit("reconcile", "--prefix", f"{folder}/", "--grace", "0")
        assert (lost.code, len(lost.rows), lost.total["without_end"]) == (1, 40, 40), "without grace they are reported"
        run_audits()
    finally:
        enable_mapping(True)
    with ThreadPoolExecutor(1) as pool:
        uploading = pool.submit(upload, range(40, 240))
        rounds = 0
        while not uploading.done() or readback.depth(deployment, names.queue_url):
            run_audits()
            rounds += 1
        uploading.result()
    assert rounds
    wait_for_empty_queues(deployment)
    whole = ready.audit("reconcile", "--prefix", f"{folder}/", "--grace", "0")
    assert (whole.code, whole.rows) == (0, [])
