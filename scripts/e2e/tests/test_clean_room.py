"""scripts/clean-room: an environment that only has the prerequisites of README.md."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ..paths import ROOT

ROOM = ROOT / "scripts" / "clean-room"
SCRIPT = 'pwd; ls -A "$HOME"; echo --; env; echo --; ls -A; echo --; ls "$(dirname "$(command -v sh)")"; exit 7'


def test_it_only_has_the_prerequisites_of_the_readme(tmp_path: Path) -> None:
    settings = {"SECRET_OF_THE_CALLER": "x", "HTTPS_PROXY": "http://proxy.invalid:1", "TMPDIR": str(tmp_path)}
    result = subprocess.run(
        [ROOM, "sh", "-c", SCRIPT], env=os.environ | settings, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert result.returncode == 7, result.stderr
    home, environment, files, tools = (part.splitlines() for part in result.stdout.split("--\n"))
    folder = Path(home[0])
    assert folder.is_relative_to(tmp_path) and home[1:] == []
    found = dict(line.partition("=")[::2] for line in environment)
    assert "SECRET_OF_THE_CALLER" not in found and found["HTTPS_PROXY"] == "http://proxy.invalid:1"
    assert Path(found["CARGO_HOME"]).is_relative_to(folder.parent) and not Path(found["CARGO_HOME"]).exists()
    assert found["PATH"] == str(folder.parent / "bin")
    assert {"README.md", "scripts"} <= set(files) and not {"target", ".local", "dist"} & set(files)
    assert {"cargo", "rustc", "git", "python3"} <= set(tools) and not {"aws", "pre-commit", "rustup"} & set(tools)
    assert list(tmp_path.iterdir()) == [], "the folder is removed"
