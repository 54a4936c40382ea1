"""Builds the Lambdas and packs each into a deterministic zip, named after its hash. Standard library only."""

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
from dataclasses import dataclass
from pathlib import Path

from . import elf, linker
from .paths import DIST, ROOT

MAX_GLIBC = (2, 34)  # of Amazon Linux 2023, the operating system of `provided.al2023`
PROFILE = "lambda"
MAX_ZIP_BYTES = 6 * 1024 * 1024
EPOCH = (1980, 1, 1, 0, 0, 0)
VARIABLES = "lambda_packages.auto.tfvars.json"


# The libraries of provided.al2023. Everything else is linked into the program.
LIBRARIES = {
    *("libc.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1"),
    *(Path(loader).name for loader in elf.LOADERS.values()),
}
MAX_BINARY_BYTES = 250 * 1024 * 1024  # the limit of Lambda for an unzipped package
TARGETS = {"x86_64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}


@dataclass(frozen=True)
class Source:
    """The source of the programs: a build, or a folder."""

    target: str | None = None
    linker: str = "auto"
    folder: Path | None = None  # programs that were built elsewhere

    def binaries(self, root: Path, names: list[str], target_dir: Path | None = None) -> dict[str, Path]:
        if self.folder is not None:
            return {name: given(self.folder, name) for name in names}
        return build(root, names, self.target, target_dir, self.linker)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/package",
        description="Builds the Lambdas in lambdas/ and writes dist/NAME-SHA256.zip for each, and the variables file "
        f"dist/{VARIABLES} that passes them to Terraform (-var-file).",
    )
    parser.add_argument("name", nargs="*", help="a folder of lambdas/; default: all that are programs")
    parser.add_argument("--target", help="a Rust target, for example aarch64-unknown-linux-gnu for arm64")
    parser.add_argument(
        "--linker",
        choices=linker.CHOICES,
        default="auto",
        help=f"zig links against glibc {MAX_GLIBC[0]}.{MAX_GLIBC[1]} on any Linux and for any architecture; auto "
        "(default) installs it into .local if the linker of this machine cannot be used",
    )
    parser.add_argument(
        "--from",
        dest="folder",
        metavar="DIR",
        type=Path,
        help="pack the programs DIR/NAME or DIR/NAME/bootstrap, built elsewhere, instead of building",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="build twice without caches, in two folders, and compare the bytes; write nothing",
    )
    parser.add_argument(
        "--profile",
        choices=(PROFILE, "dev"),
        default=PROFILE,
        help=f"`{PROFILE}` (default) for AWS; `dev` packs all Lambdas for the local stack, into .local/dist",
    )
    arguments = parser.parse_args()
    if arguments.profile != PROFILE:
        if arguments.name or arguments.target or arguments.verify or arguments.folder or arguments.linker != "auto":
            parser.error("`--profile dev` packs every Lambda for this machine and takes no other option")
        from . import build as local_build

        local_build.pack()
        return
    if arguments.folder and (arguments.target or arguments.linker != "auto"):
        parser.error("`--from` cannot be used with --target or --linker")
    known = folders(ROOT) if arguments.folder else programs(ROOT)
    names = sorted(set(arguments.name or known))
    for name in names:
        if name not in known:
            raise SystemExit(f"`{name}` is not a Lambda: lambdas/ has {', '.join(sorted(known))}")
    source = Source(arguments.target, arguments.linker, arguments.folder)
    (verify if arguments.verify else package)(names, source)


def package(names: list[str], source: Source = Source()) -> None:
    """Writes the zips and the variables file; writes nothing if a program is refused."""
    contents = {name: path.read_bytes() for name, path in source.binaries(ROOT, names).items()}
    zips = {name: pack(name, content) for name, content in contents.items()}
    packages = {}
    DIST.mkdir(exist_ok=True)
    for name, content in zips.items():
        digest = hashlib.sha256(content).hexdigest()
        path = DIST / f"{name}-{digest[:12]}.zip"
        for old in DIST.glob(f"{name}-????????????.zip"):
            if old != path:
                old.unlink()
        path.write_bytes(content)
        machine = elf.read(contents[name]).machine
        # A path relative to terraform/, so that the state does not contain the path of the checkout.
        packages[name] = {"path": f"../dist/{path.name}", "sha256": digest, "architecture": machine}
        print(f"{path.relative_to(ROOT)}  {machine}  {len(content) / 1e6:.2f} MB", file=sys.stderr)
    _write_variables(packages)


def given(folder: Path, name: str) -> Path:
    """The program of a Lambda in a folder of programs that were built elsewhere."""
    if not folder.is_dir():
        raise SystemExit(f"--from: `{folder}` is not a folder")
    found = [path for path in (folder / name, folder / name / "bootstrap") if path.is_file()]
    if not found:
        raise SystemExit(
            f"--from: neither `{folder / name}` nor `{folder / name / 'bootstrap'}` is a file: build {name}"
        )
    if found[0].stat().st_size > MAX_BINARY_BYTES:
        raise SystemExit(f"--from: `{found[0]}` is larger than {MAX_BINARY_BYTES} bytes, the limit of Lambda")
    return found[0]


def folders(root: Path) -> set[str]:
    """The folders of lambdas/ that are programs. Does not need Rust."""
    return {path.parent.parent.name for path in (root / "lambdas").glob("*/src/main.rs")}


def _write_variables(packages: dict[str, dict[str, str]]) -> None:
    """Keeps the entries of other Lambdas, so that one Lambda can be packaged alone."""
    path = DIST / VARIABLES
    try:
        known = json.loads(path.read_text())["lambda_packages"]
    except (FileNotFoundError, ValueError, KeyError):
        known = {}
    kept = {name: entry for name, entry in known.items() if (DIST / Path(entry["path"]).name).is_file()}
    document = {"lambda_packages": dict(sorted((kept | packages).items()))}
    path.write_text(json.dumps(document, indent=2) + "\n")


def programs(root: Path) -> set[str]:
    """The crates in lambdas/ that are programs."""
    return {name for name, folder in with_programs(root).items() if folder.parent == root / "lambdas"}


def with_programs(root: Path) -> dict[str, Path]:
    """The folders of the workspace's crates that are programs, by crate."""
    answer = _run(root, ["cargo", "metadata", "--no-deps", "--format-version", "1", "--locked"])
    return {
        crate["name"]: Path(crate["manifest_path"]).parent
        for crate in json.loads(answer)["packages"]
        if any("bin" in target["kind"] for target in crate["targets"])
    }


def build(
    root: Path, names: list[str], target: str | None, target_dir: Path | None = None, linked: str = "auto"
) -> dict[str, Path]:
    """Builds with the profile `lambda`; returns the path of each program."""
    chosen = linker.choose(linked, target, MAX_GLIBC)
    command = [*chosen.command, "--locked", "--profile", PROFILE, "--bins"]
    command += ["--message-format", "json-render-diagnostics"]
    for name in names:
        command += ["--package", name]
    if chosen.target:
        command += ["--target", chosen.target]
    if target_dir:
        command += ["--target-dir", str(target_dir)]
    binaries = {}
    for line in _run(root, command, _build_env(root, chosen.rustflags) | chosen.env).splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] in names:
            binaries[message["target"]["name"]] = Path(message["executable"])
    if missing := sorted(set(names) - set(binaries)):
        raise SystemExit(
            f"cargo built no program named {', '.join(missing)}: crate and program must have the same name"
        )
    return binaries


def pack(name: str, binary: bytes) -> bytes:
    """A zip with the file `bootstrap`; its bytes only depend on the binary."""
    check(name, binary)
    content = archive(binary)
    if len(content) > MAX_ZIP_BYTES:
        raise SystemExit(
            f"{name}: the zip has {len(content)} bytes, the limit is {MAX_ZIP_BYTES}: build with the profile "
            f"`{PROFILE}`, and find what has grown with `cargo tree -p {name} -e features`"
        )
    return content


def check(name: str, binary: bytes) -> None:
    """Exits with the reason if provided.al2023 cannot start the program."""
    try:
        program = elf.read(binary)
    except ValueError as reason:
        raise SystemExit(f"{name}: {reason}; build on Linux with scripts/package") from reason
    if program.loader not in (None, elf.LOADERS[program.machine]):
        raise SystemExit(
            f"{name}: is started by `{program.loader}`, which provided.al2023 does not have: "
            f"build for {TARGETS[program.machine]}"
        )
    if unknown := sorted(set(program.libraries) - LIBRARIES):
        raise SystemExit(
            f"{name}: needs {', '.join(f'`{library}`' for library in unknown)}, which provided.al2023 does not have: "
            "link it into the program"
        )
    if program.glibc > MAX_GLIBC:
        symbols = f" ({', '.join(f'`{symbol}`' for symbol in program.newest[:3])})" if program.newest else ""
        raise SystemExit(
            f"{name}: needs GLIBC_{program.glibc[0]}.{program.glibc[1]}{symbols}, but provided.al2023 has "
            f"{MAX_GLIBC[0]}.{MAX_GLIBC[1]}: build with `scripts/package --linker zig`"
        )


def archive(binary: bytes, level: int = 9) -> bytes:
    """The zip: one executable file `bootstrap`, without a date."""
    entry = zipfile.ZipInfo("bootstrap", date_time=EPOCH)
    entry.create_system = 3
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        zipped.writestr(entry, binary, compresslevel=level)
    return buffer.getvalue()


def verify(names: list[str], source: Source) -> None:
    """Builds here and in a copy of the checkout, without caches, and compares the zips. Programs that were built
    elsewhere are packed from the original and from a copy with other times and modes."""
    with tempfile.TemporaryDirectory(prefix="sluice-verify-") as scratch:
        copy = Path(scratch) / "elsewhere" / "checkout"
        roots = [ROOT, copy]
        if source.folder is None:
            unwanted = ("target", ".git", ".local", "dist", ".terraform", "__pycache__")
            shutil.copytree(ROOT, copy, symlinks=True, ignore=shutil.ignore_patterns(*unwanted))
        zips: list[dict[str, bytes]] = []
        for root in roots:
            target_dir = Path(scratch) / f"target-{len(zips)}"
            binaries = source.binaries(root, names, target_dir)
            if source.folder is not None:
                binaries = {name: _copied(path, target_dir) for name, path in binaries.items()}
            zips.append({name: pack(name, path.read_bytes()) for name, path in binaries.items()})
            shutil.rmtree(target_dir)
    differing = [name for name in names if zips[0][name] != zips[1][name]]
    if differing:
        raise SystemExit(
            f"two builds differ in {', '.join(differing)}: the program contains a path or a time of the build"
        )
    made = "two builds" if source.folder is None else "two zips of the same program"
    for name in names:
        print(f"{name}: {made} are the same, sha256 {hashlib.sha256(zips[0][name]).hexdigest()}")


def _copied(path: Path, folder: Path) -> Path:
    copy = folder / path.relative_to(path.anchor)
    copy.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(path, copy))


def _build_env(root: Path, rustflags: tuple[str, ...]) -> dict[str, str]:
    """The caller's environment, with flags that replace the paths of this machine in the output of compilers."""
    cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    rustup = Path(os.environ.get("RUSTUP_HOME", Path.home() / ".rustup"))
    replaced = {root: "/sluice", cargo: "/cargo", rustup: "/rustup"}
    flags = [f"--remap-path-prefix={path}={name}" for path, name in replaced.items()]
    c_flags = " ".join(f"-ffile-prefix-map={path}={name}" for path, name in replaced.items())
    return os.environ | {
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join([*flags, *rustflags]),
        "CFLAGS": f"{os.environ.get('CFLAGS', '')} {c_flags}".strip(),
        "CARGO_INCREMENTAL": "0",
    }


def _run(root: Path, command: list[str], env: dict[str, str] | None = None) -> str:
    shown = f"{Path(command[0]).name} {command[1]}"
    try:
        result = subprocess.run(command, cwd=root, env=env, stdout=subprocess.PIPE, text=True)
    except FileNotFoundError:
        raise SystemExit(f"`{shown}`: not found; install Rust (https://rustup.rs), or use --from DIR") from None
    if result.returncode:
        raise SystemExit(f"`{shown}` failed, see above")
    return result.stdout


if __name__ == "__main__":
    main()
