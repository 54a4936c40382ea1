"""`sluice` in a folder of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..deployment import Deployment
from ..sluice import Sluice


def install(deployment: Deployment, folder: Path) -> Sluice:
    """`folder` gets the outputs of the deployment and the working folder `work`."""
    outputs = folder / "outputs.json"
    write_outputs(outputs, deployment.outputs)
    work = folder / "work"
    work.mkdir()
    return Sluice(deployment, outputs, work)


def write_outputs(file: Path, outputs: dict[str, Any]) -> None:
    """Writes outputs as `terraform output -json` prints them."""
    file.write_text(json.dumps({name: {"value": value} for name, value in outputs.items()}))
