"""Reports missing tools and how to install them. Standard library only: it runs before anything is installed."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def cargo() -> str | None:
    """cargo in the version of rust-toolchain.toml."""
    wanted = re.search(r'channel = "([^"]+)"', (ROOT / "rust-toolchain.toml").read_text())
    assert wanted
    found = _output("cargo", "--version")
    if found is None or f" {wanted[1]} " not in f"{found} ":
        have = (found or "none").splitlines()[0]
        return (
            f"cargo {wanted[1]} (found: {have}): install rustup (https://rustup.rs, or your system's package), then "
            f"`rustup toolchain install {wanted[1]} --component rustfmt --component clippy`"
        )
    return None


def terraform() -> str | None:
    found = _output("terraform", "version", "-json")
    version = json.loads(found)["terraform_version"] if found else "0"
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < (1, 11):
        return (
            f"terraform 1.11 or newer (found: {version if found else 'none'}): "
            "https://developer.hashicorp.com/terraform/install, or your system's package manager"
        )
    return None


def python() -> str | None:
    """This Python, with venv and pip inside it."""
    if sys.version_info < (3, 10):
        return f"python 3.10 or newer (found: {sys.version.split()[0]}): set PYTHON to a newer one"
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return "python's venv with pip: on Debian and Ubuntu `apt install python3-venv`"
    return None


def compiler() -> str | None:
    """A C compiler: the TLS library of the AWS SDK contains C and assembly."""
    if not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
        return "a C compiler: on Debian and Ubuntu `apt install gcc`, on Fedora `dnf install gcc`"
    return None


def nightly() -> str | None:
    """Rust nightly, whose compiler can instrument code for fuzzing."""
    if _output("rustup", "run", "nightly", "rustc", "--version") is None:
        return "rust nightly: `rustup toolchain install nightly --profile minimal`"
    return None


def system() -> str | None:
    """The local stack runs Lambda binaries as processes of this machine, and finds its processes with ps."""
    if not sys.platform.startswith("linux"):
        return f"Linux (found: {sys.platform}): run this in a virtual machine or a container"
    if not shutil.which("ps"):
        return "ps: on Debian and Ubuntu `apt install procps`"
    return None


CHECKS: dict[str, Callable[[], str | None]] = {
    "cargo": cargo,
    "terraform": terraform,
    "python": python,
    "compiler": compiler,
    "system": system,
    "nightly": nightly,
}


def _output(*command: str) -> str | None:
    if not shutil.which(command[0]):
        return None
    result = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return result.stdout.strip() if result.returncode == 0 else None


def main() -> None:
    parser = argparse.ArgumentParser(description="exits 1 if tools are missing, and prints how to install them")
    parser.add_argument("tool", nargs="*", help=f"of {', '.join(CHECKS)}; default: all but nightly")
    names = parser.parse_args().tool or [name for name in CHECKS if name != "nightly"]
    if unknown := set(names) - set(CHECKS):
        parser.error(f"no check for {', '.join(sorted(unknown))}")
    missing = [lack for name in names if (lack := CHECKS[name]())]
    for lack in missing:
        print(f"missing: {lack}", file=sys.stderr)
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
