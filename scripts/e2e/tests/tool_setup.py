"""`sluice` in a folder of its own."""

from __future__ import annotations

import json
from pathlib import Path

from ..deployment import Deployment
from ..sluice import Sluice


def install(deployment: Deployment, folder: Path) -> Sluice:
    """`folder` gets the outputs as `terraform output -json` prints them, and the working folder `work`."""
    outputs = folder / "outputs.json"
    outputs.write_text(json.dumps({name: {"value": value} for name, value in deployment.outputs.items()}))
    work = folder / "work"
    work.mkdir()
    return Sluice(deployment, outputs, work)
