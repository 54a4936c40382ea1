"""A stack with a prefix, a key on the buckets, a table without a range key, and a watched quarantine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..background import Background
from ..stack_setup import AppliedStack, StackTeardown, apply, leftovers

NAME = "settings"
SETTINGS = {
    "prefix": "incoming",
    "encryption": "sse-kms",
    "table": {"hash_key": "ArtistID", "range_key": "", "deletion_protection": False},
}
PROVENANCE = {"watch": ["quarantine"], "watch_ingest": False}


@pytest.fixture(scope="session")
def other_settings_started(
    packages_started: Background[None], stack_teardown: StackTeardown
) -> Background[AppliedStack]:
    stack_teardown.register(NAME)
    return Background(lambda: apply(NAME, packages_started, ingest=SETTINGS, provenance=PROVENANCE))


@pytest.fixture(scope="session")
def other_settings(
    other_settings_started: Background[AppliedStack], stack_teardown: StackTeardown
) -> Iterator[AppliedStack]:
    made = other_settings_started.result()
    yield made
    stack_teardown.check(NAME, lambda: leftovers(made.terraform, made.deployment))
