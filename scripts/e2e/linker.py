"""Chooses the linker, so that a Lambda requires no newer glibc than the Lambda runtime has.

The system linker links against the glibc of this machine. Up to 2.37, the Lambdas require at most 2.34; from 2.38 on,
the headers replace `strtol` and similar functions by `__isoc23_*`, which the runtime lacks. In that case, and for
another architecture, zig links against a given glibc version. It has 470 MB, so it is only installed if needed.
"""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .paths import LOCAL, ROOT

CHOICES = ("auto", "zig", "system")
ISOC23 = (2, 38)
_VENV = LOCAL / "venv-zig"
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True)
class Linker:
    """The cargo command, its target, its environment and flags of the compiler."""

    command: list[str]
    target: str | None
    env: dict[str, str]
    rustflags: tuple[str, ...] = ()


def choose(wanted: str, target: str | None, glibc: tuple[int, int]) -> Linker:
    """`glibc` is the newest version that the programs may require."""
    if _resolve(wanted, target, host_glibc()) == "system":
        return Linker(["cargo", "build"], target, {}, _fold_identical_functions(target))
    return _zig(target or f"{_host_machine()}-unknown-linux-gnu", glibc)


def _fold_identical_functions(target: str | None) -> tuple[str, ...]:
    """The flag that makes a program 0.8 % smaller if rustc links with its own LLD: GNU ld does not know the flag."""
    triple = "x86_64-unknown-linux-gnu"
    if platform.system() != "Linux" or (target or f"{_host_machine()}-unknown-linux-gnu") != triple:
        return ()
    command = ["rustc", "--print", "target-libdir", "--target", triple]
    try:
        answer = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except FileNotFoundError:
        return ()
    has_lld = (Path(answer.stdout.strip()).parent / "bin" / "gcc-ld").is_dir()
    return ("-Clink-arg=-Wl,--icf=all",) if answer.returncode == 0 and has_lld else ()


def _resolve(wanted: str, target: str | None, host: tuple[int, int] | None) -> str:
    if wanted != "auto":
        return wanted
    foreign = target is not None and target.split("-")[0] != _host_machine()
    return "zig" if foreign or host is None or host >= ISOC23 else "system"


def host_glibc() -> tuple[int, int] | None:
    """The glibc version of this machine; None if it has another C library."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        major, minor = version.split(".")[:2]
        return (int(major), int(minor)) if name == "glibc" else None
    except (ValueError, OSError):
        return None


def _host_machine() -> str:
    name = platform.machine().lower()
    return _MACHINES.get(name, name)


def _zig(target: str, glibc: tuple[int, int]) -> Linker:
    _require(target)
    installed = subprocess.run([str(ROOT / "scripts/local/venv"), "zig"], stdin=subprocess.DEVNULL)
    if installed.returncode:
        raise SystemExit(
            "zig could not be installed, see above: it comes from PyPI (scripts/local/requirements-zig.txt). "
            "Build on Linux with glibc 2.37 or older, or pack programs that were built elsewhere with --from DIR"
        )
    [zig] = _VENV.glob("lib/python*/site-packages/ziglang/zig")
    caches = LOCAL / "zig"
    env = {
        "CARGO_ZIGBUILD_ZIG_PATH": str(zig),
        "CARGO_ZIGBUILD_CACHE_DIR": str(caches / "wrappers"),
        "ZIG_GLOBAL_CACHE_DIR": str(caches / "global"),
        "ZIG_LOCAL_CACHE_DIR": str(caches / "local"),
    }
    command = [str(_VENV / "bin" / "cargo-zigbuild"), "zigbuild"]
    return Linker(command, f"{target}.{glibc[0]}.{glibc[1]}", env)


def _require(target: str) -> None:
    """Exits with the command to run if the Rust standard library for `target` is not installed."""
    asked = subprocess.run(
        ["rustc", "--print", "target-libdir", "--target", target], cwd=ROOT, capture_output=True, text=True
    )
    if asked.returncode:
        raise SystemExit(f"`{target}` is not a Rust target: for arm64 it is aarch64-unknown-linux-gnu")
    if not any(Path(asked.stdout.strip()).glob("libstd-*")):
        raise SystemExit(f"the Rust target `{target}` is not installed: run `rustup target add {target}`")
