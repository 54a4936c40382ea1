"""Builds the Lambdas, `sluice` and `policy-lint` for this machine in one run of cargo, and packs the Lambdas.

One run with one profile unifies the features, so that every crate of the AWS SDK is compiled once. package.py builds
the packages for AWS, with the profile `lambda`. `python -m e2e.build [STATUS]` writes its progress as one line to the
file STATUS. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from . import elf, package
from .paths import BIN, LOCAL_DIST, ROOT

# scripts/test sets this variable: the tests are compiled in the same run, with their features (`lambda-support/fakes`).
# Otherwise, a `cargo test` that runs during the end-to-end tests would replace the programs that they run.
WITH_TESTS = "SLUICE_BUILD_TESTS"


def command() -> list[str]:
    tests = ["--tests"] if os.environ.get(WITH_TESTS) == "1" else []
    return ["cargo", "build", "--locked", "--workspace", "--bins", *tests]


@cache
def binaries() -> dict[str, Path]:
    """Builds the programs of the workspace, unless they are up to date; returns their paths by name."""
    return compiled(lambda _: None)


def compiled(report: Callable[[str], None]) -> dict[str, Path]:
    """The same; calls `report` with the progress."""
    report("building: downloading crates")
    run = [*command(), "--quiet", "--message-format", "json-render-diagnostics"]
    cargo = subprocess.Popen(run, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        found = _follow(cargo, report)
        cargo.wait()
    except BaseException:
        cargo.terminate()
        raise
    if cargo.returncode:
        raise SystemExit(f"`{' '.join(command())}` failed, see above")
    _link(found)
    return found


def _link(programs: dict[str, Path]) -> None:
    """Links each program into `.local/bin`, whatever the target directory of cargo is."""
    BIN.mkdir(parents=True, exist_ok=True)
    for name, program in programs.items():
        link = BIN / name
        if not link.is_symlink() or link.readlink() != program:
            fresh = link.with_name(f"{name}.{os.getpid()}")
            fresh.symlink_to(program)
            fresh.replace(link)


def _follow(cargo: subprocess.Popen[str], report: Callable[[str], None]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    done: set[str] = set()
    wanted: set[str] = set()
    assert cargo.stdout
    for line in cargo.stdout:
        message = json.loads(line)
        if message["reason"] != "compiler-artifact":
            continue
        if message.get("executable") and not message["profile"]["test"]:
            found[message["target"]["name"]] = Path(message["executable"])
        if message["target"]["kind"] != ["custom-build"]:
            done.add(_crate(message["package_id"]))
            wanted = wanted or crates()
            report(_progress(done, wanted))
    return found


def crates() -> set[str]:
    """The crates of the programs, as `name version`; empty if cargo cannot list them."""
    packages = [argument for name in sorted(package.with_programs(ROOT)) for argument in ("--package", name)]
    tree = ["cargo", "tree", "--locked", "--offline", *packages, "--edges", "normal,build", "--prefix", "none"]
    listed = subprocess.run(tree, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return {" ".join(line.split()[:2]).replace(" v", " ") for line in listed.stdout.splitlines() if line}


def _crate(package_id: str) -> str:
    """`name version` of an id such as `registry+https://…#name@version` or `path+file:///…/name#version`."""
    source, _, last = package_id.rpartition("#")
    name, _, version = last.rpartition("@")
    return f"{name or source.rpartition('/')[2]} {version}"


def _progress(done: set[str], wanted: set[str]) -> str:
    text = f"building: {len(done)} of {max(len(wanted), len(done))} crates"
    left = sorted(crate.split()[0] for crate in wanted - done)
    return f"{text}; left: {', '.join(left)}" if 0 < len(left) <= 6 else text


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    status = Path(sys.argv[1] if len(sys.argv) > 1 else os.devnull)
    started = time.monotonic()
    found = compiled(lambda text: _write(status, text))
    _write(status, "")
    print(f"{', '.join(sorted(found))}: built in {time.monotonic() - started:.0f} s")


def _write(status: Path, text: str) -> None:
    status.write_text(text)


def pack() -> None:
    """Packs every Lambda into `.local/dist`, and writes the variables file with the zips."""
    LOCAL_DIST.mkdir(parents=True, exist_ok=True)
    packages = {}
    for name in sorted(package.programs(ROOT)):
        binary = stripped(binaries()[name])
        content = package.archive(binary, level=1)
        digest = hashlib.sha256(content).hexdigest()
        path = LOCAL_DIST / f"{name}-{digest[:12]}.zip"
        for old in LOCAL_DIST.glob(f"{name}-*.zip"):
            old.unlink()
        path.write_bytes(content)
        packages[name] = {
            "path": f"../dist/{path.name}",
            "sha256": digest,
            "architecture": elf.read(binary).machine,
        }
    document = {"lambda_packages": packages}
    (LOCAL_DIST / package.VARIABLES).write_text(json.dumps(document, indent=2) + "\n")


def stripped(binary: Path) -> bytes:
    """The program without symbols, which are four fifths of a development build. `strip` comes with the C compiler."""
    strip = shutil.which("strip")
    if strip is None:
        return binary.read_bytes()
    with tempfile.TemporaryDirectory(prefix="sluice-strip-") as folder:
        output = Path(folder) / "bootstrap"
        subprocess.run([strip, "--strip-all", "-o", str(output), str(binary)], check=True)
        return output.read_bytes()


if __name__ == "__main__":
    main()
