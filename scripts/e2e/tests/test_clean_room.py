"""scripts/clean-room: a machine that has nothing but what README names."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ..paths import ROOT

ROOM = ROOT / "scripts" / "clean-room"
LOOK = 'pwd; ls -A "$HOME"; echo --; env; echo --; ls -A; echo --; ls "$(dirname "$(command -v sh)")"; exit 7'


def test_it_has_nothing_but_what_readme_names(tmp_path: Path) -> None:
    settings = {"SECRET_OF_THE_CALLER": "x", "HTTPS_PROXY": "http://proxy.invalid:1", "TMPDIR": str(tmp_path)}
    result = subprocess.run(
        [ROOM, "sh", "-c", LOOK], env=os.environ | settings, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert result.returncode == 7, result.stderr
    home, environment, files, tools = (part.splitlines() for part in result.stdout.split("--\n"))
    place = Path(home[0])
    assert place.is_relative_to(tmp_path) and home[1:] == []
    found = dict(line.partition("=")[::2] for line in environment)
    assert "SECRET_OF_THE_CALLER" not in found and found["HTTPS_PROXY"] == "http://proxy.invalid:1"
    assert Path(found["CARGO_HOME"]).is_relative_to(place.parent) and not Path(found["CARGO_HOME"]).exists()
    assert found["PATH"] == str(place.parent / "bin")
    assert {"README.md", "scripts"} <= set(files) and not {"target", ".local", "dist"} & set(files)
    assert {"cargo", "rustc", "git", "python3"} <= set(tools) and not {"aws", "pre-commit", "rustup"} & set(tools)
    assert list(tmp_path.iterdir()) == [], "the folder is removed"
