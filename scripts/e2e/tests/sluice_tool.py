"""The operator's tool as a fixture: import it where it is used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..deployment import Deployment
from ..sluice import Sluice
from ..terraform import Terraform


@pytest.fixture
def sluice(deployment: Deployment, terraform: Terraform, tmp_path: Path) -> Sluice:
    """Runs in a folder of its own, with the outputs as `terraform output -json` prints them."""
    outputs = tmp_path / "outputs.json"
    outputs.write_text(json.dumps({name: {"value": value} for name, value in terraform.outputs().items()}))
    folder = tmp_path / "work"
    folder.mkdir()
    return Sluice(deployment, outputs, folder)
