"""The operator's tool as a fixture: import it where it is used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..deployment import Deployment
from ..sluice import Sluice


def at_work(deployment: Deployment, place: Path) -> Sluice:
    """The tool in a folder of its own, with the outputs as `terraform output -json` prints them."""
    outputs = place / "outputs.json"
    outputs.write_text(json.dumps({name: {"value": value} for name, value in deployment.outputs.items()}))
    folder = place / "work"
    folder.mkdir()
    return Sluice(deployment, outputs, folder)


@pytest.fixture
def sluice(deployment: Deployment, tmp_path: Path) -> Sluice:
    return at_work(deployment, tmp_path)
