"""Builds the Lambdas and packs each as a deterministic zip named by its content. Standard library only."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from . import elf
from .paths import DIST, ROOT

GLIBC = (2, 34)  # Amazon Linux 2023, the system below `provided.al2023`
PROFILE = "lambda"
LIMIT = 6 * 1024 * 1024
EPOCH = (1980, 1, 1, 0, 0, 0)
VARIABLES = "lambda_packages.auto.tfvars.json"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/package",
        description="Builds the Lambdas in lambdas/ and writes dist/NAME-SHA256.zip for each, and the variables file "
        f"dist/{VARIABLES} that hands them to Terraform (-var-file).",
    )
    parser.add_argument("name", nargs="*", help="a folder of lambdas/; default: all that are programs")
    parser.add_argument("--target", help="a Rust target, for example aarch64-unknown-linux-gnu for arm64")
    parser.add_argument(
        "--verify", action="store_true", help="build twice from clean, elsewhere, and compare the bytes"
    )
    parser.add_argument(
        "--profile",
        choices=(PROFILE, "dev"),
        default=PROFILE,
        help=f"`{PROFILE}` (default) is what goes to AWS; `dev` packs all for the local stack, into .local/dist",
    )
    arguments = parser.parse_args()
    if arguments.profile != PROFILE:
        if arguments.name or arguments.target or arguments.verify:
            parser.error("`--profile dev` packs every Lambda for this machine: give nothing else")
        from . import build as local_build

        local_build.pack()
        return
    known = programs(ROOT)
    names = arguments.name or sorted(known)
    for name in names:
        if name not in known:
            raise SystemExit(f"`{name}` is no Lambda: lambdas/ has {', '.join(sorted(known))}")
    if arguments.verify:
        verify(names, arguments.target)
    else:
        package(names, arguments.target)


def package(names: list[str], target: str | None) -> None:
    packages = {}
    DIST.mkdir(exist_ok=True)
    for name, binary in build(ROOT, names, target).items():
        content = pack(name, binary.read_bytes())
        digest = hashlib.sha256(content).hexdigest()
        path = DIST / f"{name}-{digest[:12]}.zip"
        for old in DIST.glob(f"{name}-????????????.zip"):
            if old != path:
                old.unlink()
        path.write_bytes(content)
        # Terraform runs in terraform/, and a path relative to it keeps the state free of this checkout's place.
        packages[name] = {"path": f"../dist/{path.name}", "sha256": digest}
        print(f"{path.relative_to(ROOT)}  {len(content) / 1e6:.2f} MB", file=sys.stderr)
    _remember(packages)


def _remember(packages: dict[str, dict[str, str]]) -> None:
    """Adds to what the variables file holds already, so that one Lambda can be packaged alone."""
    path = DIST / VARIABLES
    try:
        known = json.loads(path.read_text())["lambda_packages"]
    except (FileNotFoundError, ValueError, KeyError):
        known = {}
    kept = {name: entry for name, entry in known.items() if (DIST / Path(entry["path"]).name).is_file()}
    document = {"lambda_packages": dict(sorted((kept | packages).items()))}
    path.write_text(json.dumps(document, indent=2) + "\n")


def programs(root: Path) -> set[str]:
    """The crates under lambdas/ that are programs."""
    answer = _cargo(root, "metadata", "--no-deps", "--format-version", "1", "--locked")
    found = set()
    for crate in json.loads(answer)["packages"]:
        inside = Path(crate["manifest_path"]).parent.parent == root / "lambdas"
        if inside and any("bin" in target["kind"] for target in crate["targets"]):
            found.add(crate["name"])
    return found


def build(root: Path, names: list[str], target: str | None, target_dir: Path | None = None) -> dict[str, Path]:
    """Builds with the profile `lambda`; returns each program's binary."""
    command = ["build", "--locked", "--profile", PROFILE, "--bins", "--message-format", "json-render-diagnostics"]
    for name in names:
        command += ["--package", name]
    if target:
        command += ["--target", target]
    if target_dir:
        command += ["--target-dir", str(target_dir)]
    binaries = {}
    for line in _cargo(root, *command, env=_build_env(root)).splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] in names:
            binaries[message["target"]["name"]] = Path(message["executable"])
    if missing := sorted(set(names) - set(binaries)):
        raise SystemExit(f"cargo built no program named {', '.join(missing)}: crate and program share one name")
    return binaries


def pack(name: str, binary: bytes) -> bytes:
    """The zip of one `bootstrap`, the same bytes wherever and whenever it is made."""
    try:
        facts = elf.read(binary)
    except ValueError as reason:
        raise SystemExit(f"{name}: {reason}; build on Linux, or give --target") from reason
    if facts.glibc > GLIBC:
        raise SystemExit(
            f"{name}: needs GLIBC_{facts.glibc[0]}.{facts.glibc[1]}, but provided.al2023 has {GLIBC[0]}.{GLIBC[1]}; "
            "build on an older Linux, or with `cargo lambda build`, which links against an older glibc"
        )
    content = archive(binary)
    if len(content) > LIMIT:
        raise SystemExit(
            f"{name}: the zip has {len(content)} bytes, the limit is {LIMIT}: "
            f"look with `cargo tree -p {name} -e features` for what grew"
        )
    return content


def archive(binary: bytes, level: int = 9) -> bytes:
    """The zip itself: one executable `bootstrap` without a date."""
    entry = zipfile.ZipInfo("bootstrap", date_time=EPOCH)
    entry.create_system = 3
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        zipped.writestr(entry, binary, compresslevel=level)
    return buffer.getvalue()


def verify(names: list[str], target: str | None) -> None:
    """Builds from clean here and in a copy of the checkout, and compares the zips byte by byte."""
    with tempfile.TemporaryDirectory(prefix="sluice-verify-") as scratch:
        copy = Path(scratch) / "elsewhere" / "checkout"
        unwanted = ("target", ".git", ".local", "dist", ".terraform", "__pycache__")
        shutil.copytree(ROOT, copy, symlinks=True, ignore=shutil.ignore_patterns(*unwanted))
        zips: list[dict[str, bytes]] = []
        for place in (ROOT, copy):
            target_dir = Path(scratch) / f"target-{len(zips)}"
            binaries = build(place, names, target, target_dir)
            zips.append({name: pack(name, path.read_bytes()) for name, path in binaries.items()})
            shutil.rmtree(target_dir)
    differing = [name for name in names if zips[0][name] != zips[1][name]]
    if differing:
        raise SystemExit(
            f"two builds from clean differ in {', '.join(differing)}: something of the place or time leaks in"
        )
    for name in names:
        print(f"{name}: two builds from clean are the same, sha256 {hashlib.sha256(zips[0][name]).hexdigest()}")


def _build_env(root: Path) -> dict[str, str]:
    """The caller's environment, with every path of this machine replaced by a fixed one in what compilers write."""
    cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    rustup = Path(os.environ.get("RUSTUP_HOME", Path.home() / ".rustup"))
    replaced = {root: "/sluice", cargo: "/cargo", rustup: "/rustup"}
    flags = [f"--remap-path-prefix={path}={name}" for path, name in replaced.items()]
    c_flags = " ".join(f"-ffile-prefix-map={path}={name}" for path, name in replaced.items())
    return os.environ | {
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags),
        "CFLAGS": f"{os.environ.get('CFLAGS', '')} {c_flags}".strip(),
        "CARGO_INCREMENTAL": "0",
    }


def _cargo(root: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    command = ["cargo", *arguments]
    result = subprocess.run(command, cwd=root, env=env, stdout=subprocess.PIPE, text=True)
    if result.returncode:
        raise SystemExit(f"`cargo {arguments[0]}` failed, see above")
    return result.stdout


if __name__ == "__main__":
    main()
