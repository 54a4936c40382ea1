"""A second deployment with other settings: a prefix, the customer's key on the buckets, a table without a range key.

Takes an apply of its own, so it runs with `scripts/test --long` only.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from .. import accounts, facts, local, paths, report
from ..deployment import Deployment
from ..inbox import Inbox
from ..run import drained, play, upload
from ..scenario import Step, music
from ..terraform import Terraform
from . import ahead
from .conftest import left_over, packaged

pytestmark = pytest.mark.slow

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


@dataclass(frozen=True)
class Other:
    terraform: Terraform
    deployment: Deployment


def applied() -> Other:
    """A stack of its own."""
    stack = paths.stack("settings")
    running = local.up(stack, fresh=True)
    settings = {"prefix": "incoming", "encryption": "sse-kms", "table": {"range_key": "", "deletion_protection": False}}
    terraform = Terraform(stack, running, accounts.load(stack)["deployer"], ingest=settings, provenance=None)
    ahead.of(packaged)
    terraform.init()
    terraform.plan()
    terraform.apply()
    return Other(terraform, Deployment(stack, running, terraform.outputs()))


def ended() -> list[str]:
    made = ahead.of(applied)
    return left_over(made.terraform)


AHEAD = applied


@pytest.fixture(scope="module")
def other() -> Iterator[Deployment]:
    yield ahead.of(applied).deployment
    ahead.begin(ended)


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


def test_nothing_is_left_over_with_other_settings() -> None:
    assert ahead.of(ended) == []
