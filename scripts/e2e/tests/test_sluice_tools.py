"""docs/tools.md: the parts about the scripts, the environment variables and `policy-lint` are complete.

A test of crates/sluice generates the part about `sluice`.
"""

from __future__ import annotations

import re
import subprocess

import pytest

from .. import build
from ..paths import ROOT

PAGE = (ROOT / "docs" / "tools.md").read_text()
# Variables that the programs set for each other, or that only their own tests read.
INTERNAL = {
    *("SLUICE_TIMES", "SLUICE_RESULTS", "SLUICE_E2E_MARKER", "PATH", "OUT_DIR", "EDITOR"),
    *("CARGO_MANIFEST_DIR", "CARGO_PKG_VERSION", "CARGO_TARGET_DIR"),
    *("TF_INPUT", "TF_IN_AUTOMATION", "TF_LOG_PROVIDER", "TF_LOG_SDK", "TF_LOG_SDK_PROTO"),
    *("CARGO_ENCODED_RUSTFLAGS", "CARGO_INCREMENTAL", "CARGO_ZIGBUILD_CACHE_DIR", "CARGO_ZIGBUILD_ZIG_PATH"),
}
# How Python, shell and Rust read a variable, and names that can only be variables.
READS = (
    r'environ(?:\.get)?[\[(]"([A-Z][A-Z0-9_]+)"',
    r"\$\{([A-Z][A-Z0-9_]+):?[-+?]",
    r'env::var(?:_os)?\("([A-Z][A-Z0-9_]+)"',
    r'env = "([A-Z][A-Z0-9_]+)"',
    r'"((?:SLUICE|CARGO|TF|RUSTUP)_[A-Z0-9_]+)"',
)


def tracked(*patterns: str) -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def row(name: str) -> str:
    """The row of the table for a tool."""
    found = re.findall(rf"(?m)^\| `{re.escape(name)}` \|.*$", PAGE)
    assert len(found) == 1, f"docs/tools.md needs one row for `{name}`"
    return found[0]


def options(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - {"--help", "--version"}


def scripts() -> list[str]:
    found = tracked("scripts", ":!scripts/e2e")
    return [name for name in found if (ROOT / name).read_bytes().startswith(b"#!")]


def test_scripts_are_found() -> None:
    assert {"scripts/demo", "scripts/test", "scripts/package", "scripts/local/up"} <= set(scripts())


@pytest.mark.parametrize("name", scripts())
def test_each_script_has_a_row_with_its_parameters(name: str) -> None:
    usage = subprocess.run([ROOT / name, "--help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    _, _, parameters, example, _ = re.split(r"(?<!\\)\|", row(name))[:5]
    assert options(parameters) == options(usage), f"{name} --help and docs/tools.md differ"
    assert name in example


@pytest.mark.parametrize("command", ["check", "rules", "explain", "expand"])
def test_each_command_of_the_linter_has_a_row(command: str) -> None:
    usage = subprocess.run(
        [build.binaries()["policy-lint"], command, "--help"], capture_output=True, text=True, check=True
    ).stdout
    listed = re.findall(r"(?m)^ +(--[a-z-]+)", usage)
    _, _, parameters, example, _ = re.split(r"(?<!\\)\|", row(f"policy-lint {command}"))[:5]
    assert options(parameters) == options("\n".join(listed)), f"policy-lint {command} --help and docs/tools.md differ"
    assert f"policy-lint {command}" in example


def test_no_command_of_the_linter_is_missing() -> None:
    usage = subprocess.run(
        [build.binaries()["policy-lint"], "--help"], capture_output=True, text=True, check=True
    ).stdout
    commands = re.findall(r"(?m)^  ([a-z-]+)  ", usage.partition("Commands:")[2].partition("Options:")[0])
    assert commands and all(row(f"policy-lint {command}") for command in commands if command != "help")


def test_every_environment_variable_is_described() -> None:
    """Those that the scripts, `sluice` and `policy-lint` read."""
    sources = [*tracked("scripts", ":!scripts/e2e/tests"), *tracked("crates/sluice/src", "policy-lint/src")]
    sources += ["scripts/e2e/tests/conftest.py", "scripts/e2e/tests/stacks/main.py"]
    text = "\n".join((ROOT / name).read_text(errors="ignore") for name in sources if not name.endswith(".md"))
    read = {name for pattern in READS for name in re.findall(pattern, text)}
    rows = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    described = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", rows)) | set(re.findall(r"`([A-Z]+)` sets", PAGE))
    assert "SLUICE_OUTPUTS" in read and "PYTHON" in read
    assert read - INTERNAL - described == set(), "docs/tools.md does not describe these variables"
