"""Compiles the Lambdas, `sluice` and `policy-lint` for this machine in one run of cargo, and packs the Lambdas.

One run with one profile, so that features unify and every crate of the AWS SDK is compiled once. What goes to AWS is
built with the profile `lambda`, by package.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from . import package
from .paths import LOCAL_DIST, ROOT

# Set by scripts/test: the tests are compiled in the same run. Their dependencies ask for further features
# (`tokio/test-util`), and the SDK would be compiled once more without them.
WITH_TESTS = "SLUICE_BUILD_TESTS"


def command() -> list[str]:
    tests = ["--tests"] if os.environ.get(WITH_TESTS) == "1" else []
    return ["cargo", "build", "--locked", "--workspace", "--bins", *tests]


@cache
def binaries() -> dict[str, Path]:
    """Builds what is not built yet; every program of the workspace by its name."""
    run = [*command(), "--quiet", "--message-format", "json-render-diagnostics"]
    built = subprocess.run(run, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if built.returncode:
        raise SystemExit(f"`{' '.join(command())}` failed, see above")
    found = {}
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and not message["profile"]["test"]:
            found[message["target"]["name"]] = Path(message["executable"])
    return found


def pack() -> None:
    """Packs every Lambda into `.local/dist`, with the variables file that names the zips."""
    LOCAL_DIST.mkdir(parents=True, exist_ok=True)
    packages = {}
    for name in sorted(package.programs(ROOT)):
        content = package.archive(stripped(binaries()[name]), level=1)
        digest = hashlib.sha256(content).hexdigest()
        path = LOCAL_DIST / f"{name}-{digest[:12]}.zip"
        for old in LOCAL_DIST.glob(f"{name}-*.zip"):
            old.unlink()
        path.write_bytes(content)
        packages[name] = {"path": f"../dist/{path.name}", "sha256": digest}
    document = {"lambda_packages": packages}
    (LOCAL_DIST / package.VARIABLES).write_text(json.dumps(document, indent=2) + "\n")


def stripped(binary: Path) -> bytes:
    """Without symbols, which are four fifths of a development build. `strip` comes with the C compiler's linker."""
    strip = shutil.which("strip")
    if strip is None:
        return binary.read_bytes()
    with tempfile.TemporaryDirectory(prefix="sluice-strip-") as folder:
        output = Path(folder) / "bootstrap"
        subprocess.run([strip, "--strip-all", "-o", str(output), str(binary)], check=True)
        return output.read_bytes()
