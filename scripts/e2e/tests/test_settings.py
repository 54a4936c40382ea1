"""A second deployment with other settings: a prefix, the customer's key on the buckets, a table without a range key.

Takes an apply of its own, so it runs with `scripts/test --long` only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from .. import accounts, deviations, facts, local, paths, report
from ..deployment import Deployment
from ..inbox import Inbox
from ..run import drained, play, sweep, upload
from ..scenario import Step, music
from ..terraform import Terraform

pytestmark = pytest.mark.skipif(os.environ.get("SLUICE_E2E_LONG") != "1", reason="scripts/test --long")

WAVES = (
    (
        Step("in the folder", "incoming/a b.json", music("One", "ALBUM#One"), "stored", item=("One", "ALBUM#One")),
        Step("broken", "incoming/broken.json", b"{", "invalid"),
        Step("a folder", "incoming/folder/", b"", "skipped"),
    ),
    (
        Step(
            "the same artist again",  # ArtistID is the whole key now
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
            how="repeat",
            of="in the folder",
        ),
    ),
)


@pytest.fixture(scope="module")
def other(terraform: Terraform) -> Iterator[Deployment]:
    """A stack of its own; the session's packages are there already."""
    stack = paths.stack("spare")
    running = local.up(stack, fresh=True)
    settings = {"prefix": "incoming", "encryption": "sse-kms", "table": {"range_key": "", "deletion_protection": False}}
    second = Terraform(stack, running, accounts.load(stack)["deployer"], ingest=settings, provenance=None)
    second.init()
    second.plan()
    second.apply()
    deployment = Deployment(stack, running, second.outputs())
    yield deployment
    assert deviations.unexpected(second.plan("second")) == []
    sweep(deployment)
    second.destroy()
    assert second.state() == []
    local.down(stack)


def test_the_flow_with_other_settings(other: Deployment) -> None:
    """003.6: without a range key, under a prefix, encrypted with the deployment's key."""
    played = play(other, Inbox.open(other), WAVES)
    assert not report.difference(played.outcomes), report.table(played.outcomes)
    assert facts.depth(other, other.ingest.dead_letters_url) == 0 and drained(other)
    head = other.client("s3").head_object(Bucket=other.ingest.processing, Key="incoming/a b.json")
    assert head["ServerSideEncryption"] == "aws:kms"


def test_other_folders_are_left_alone(other: Deployment) -> None:
    """The uploader may write under the prefix only, and what somebody else puts elsewhere is not taken."""
    with pytest.raises(other.client("s3", "uploader-role").exceptions.ClientError, match="AccessDenied"):
        upload(other, "elsewhere/a.json", b"{")
    s3 = other.client("s3")
    version = s3.put_object(Bucket=other.ingest.processing, Key="elsewhere/a.json", Body=b"{")["VersionId"]
    later = upload(other, "incoming/later.json", b"{")
    deadline = time.monotonic() + 30
    while later not in facts.ends(facts.log_lines(other)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert version not in facts.ends(facts.log_lines(other))
    assert facts.version_exists(other, "elsewhere/a.json", version)
