"""For each row of docs/requirements.md at least one mutation: a change that takes the capability away, and the test
that then fails. `python -m e2e.mutate` shows it; test_requirements.py checks that the mutations can be applied.

One file per system or layer, each with a list `MUTATIONS`.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    row: str
    removes: str  # what is taken away
    file: str  # from the root of the repository
    old: str  # occurs exactly once in the file
    new: str
    test: str  # a test of the row


def load() -> list[Mutation]:
    """All mutations, in the order of the rows."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    found = [mutation for module in modules for mutation in module.MUTATIONS]
    return sorted(found, key=lambda mutation: [int(part) for part in mutation.row.split(".")])
