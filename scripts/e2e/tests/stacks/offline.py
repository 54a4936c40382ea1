"""Copies of the configuration on which Terraform plans without credentials."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from ...offline import Offline
from ...paths import LOCAL

SYSTEMS = ("ingest", "provenance")


@pytest.fixture(scope="session")
def offline() -> Iterator[Offline]:
    offline = Offline(LOCAL / "offline")
    offline.copy()
    with offline.provider():
        yield offline


@pytest.fixture(scope="session")
def settings_only() -> Offline:
    """Also has `modules/SYSTEM-settings`: the type, names and rules of a system without its resources.

    A plan of them needs no provider and takes a hundredth of the time.
    """
    offline = Offline(LOCAL / "settings-only")
    offline.copy()
    modules = offline.root / "modules"
    for system in SYSTEMS:
        reduced = modules / f"{system}-settings"
        reduced.mkdir()
        for name in ("variables.tf", "validation.tf", "locals.tf"):
            shutil.copy(modules / system / name, reduced)
        (reduced / "outputs.tf").write_text('output "settings" {\n  value = local.settings\n}\n')
    return offline
