"""A deployment with other settings: a prefix, a key on the buckets, no range key, a watched quarantine."""

from __future__ import annotations

from pathlib import Path

import pytest

from .. import evidence, readback, report
from ..evidence import ObjectVersion
from ..inbox import Inbox
from ..ingest_events import queue_is_empty, upload
from ..scenario import Step, music
from ..scenario_run import play
from . import role_policies, tool_setup
from .polling import eventually, now_ms
from .stack_setup import AppliedStack

pytestmark = pytest.mark.slow

WAVES = (
    (
        Step("in the folder", "incoming/a b.json", music("One", "ALBUM#One"), "stored", item=("One", "ALBUM#One")),
        Step("broken", "incoming/broken.json", b"{", "invalid"),
        Step("a folder", "incoming/folder/", b"", "skipped"),
    ),
    (
        Step(
            "the same artist again",  # ArtistID is the whole table key
            "incoming/two.json",
            music("One", "ALBUM#Two"),
            "conflict",
            ("incoming/a b.json",),
            of="in the folder",
        ),
        Step("the same bytes", "incoming/three.json", music("One", "ALBUM#One"), "duplicate", of="in the folder"),
        Step(
            "the event again",
            "incoming/a b.json",
            music("One", "ALBUM#One"),
            "redelivered",
            action="redeliver",
            of="in the folder",
        ),
    ),
)


def test_the_flow_with_other_settings(other_settings: AppliedStack) -> None:
    """Every file has its outcome, and objects are encrypted with the deployment's key."""
    deployment = other_settings.deployment
    ingest = deployment.ingest
    played = play(deployment, Inbox.open(deployment), WAVES)
    assert not report.difference(played.results), report.table(played.results)
    assert readback.depth(deployment, ingest.dead_letters_url) == 0 and queue_is_empty(deployment)
    head = deployment.client("s3").head_object(Bucket=ingest.processing, Key="incoming/a b.json")
    assert head["ServerSideEncryption"] == "aws:kms"


def test_the_quarantine_is_watched(other_settings: AppliedStack, tmp_path: Path) -> None:
    """With `watch = ["quarantine"]`, the copy and the reason record of a rejected file have receipts that verify."""
    deployment = other_settings.deployment
    key = "incoming/watched.json"
    version = upload(deployment, key, b"{")
    eventually(lambda: readback.quarantined(deployment, key, version) is not None, "file in quarantine")
    bucket = deployment.ingest.quarantine
    listed = deployment.client("s3").list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
    assert {entry["Key"] for entry in listed} == {f"{key}/{version}", f"{key}/{version}.reason.json"}
    copies = [ObjectVersion(bucket, entry["Key"], entry["VersionId"], b"") for entry in listed]
    eventually(lambda: all(evidence.receipt(deployment, copy) for copy in copies), "receipt of each")
    verified = tool_setup.install(deployment, tmp_path)("verify", f"s3://{bucket}/{key}", user="auditor")
    assert verified.code == 0, verified.out + verified.err


def test_the_key_is_used_through_s3_only(other_settings: AppliedStack) -> None:
    """With a customer managed key on the buckets, the roles that read or write objects may use it."""
    deployment = other_settings.deployment
    names = deployment.ingest
    for role_arn in (names.role_arn, names.uploader_role_arn, names.operator_role_arn):
        found = role_policies.all_statements(deployment, role_arn)[role_policies.ENCRYPTED_BUCKETS]
        assert role_policies.allowed(found) == role_policies.key_use(["ReadEncrypted", "WriteEncrypted"])
        role_policies.assert_only_through_s3(deployment, found)


def test_objects_outside_the_prefix_are_ignored(other_settings: AppliedStack) -> None:
    """The uploader role can only write under the prefix, and the ingest ignores what others write elsewhere."""
    deployment = other_settings.deployment
    s3, processing = deployment.client("s3"), deployment.ingest.processing
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        upload(deployment, "elsewhere/a.json", b"{")
    since = now_ms()
    version = s3.put_object(Bucket=processing, Key="elsewhere/a.json", Body=b"{")["VersionId"]
    later = upload(deployment, "incoming/later.json", b"{")

    def outcomes() -> dict[str, list[dict]]:
        return readback.outcomes(readback.log_lines(deployment, since))

    eventually(lambda: later in outcomes(), "outcome of a later file")
    assert version not in outcomes()
    assert readback.version_exists(deployment, "elsewhere/a.json", version)
