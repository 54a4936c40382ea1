"""Lambda packages: a binary that Amazon Linux 2023 can load, in a zip that does not depend on the build machine."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from .. import build, elf, linker, package, paths
from ..terraform import ARCHITECTURE
from .stacks.readme import ReadmePath


@pytest.fixture(scope="module")
def zips(readme_path: ReadmePath) -> dict[str, bytes]:
    """The packages for AWS by Lambda, from the run of README.md, because each takes minutes to link."""
    for name, entry in readme_path.packages.items():
        assert hashlib.sha256(readme_path.zips[name]).hexdigest() == entry["sha256"]
        assert entry["path"] == f"../dist/{name}-{entry['sha256'][:12]}.zip"
        assert entry["architecture"] == ARCHITECTURE == elf.read(bootstrap(readme_path.zips[name])).machine
    return readme_path.zips


@pytest.fixture(scope="module")
def binary() -> bytes:
    """A Lambda binary of the local stack."""
    return build.stripped(build.binaries()["ledger"])


def bootstrap(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read("bootstrap")


@pytest.mark.slow
def test_every_lambda_is_packaged_within_the_limits(zips: dict[str, bytes]) -> None:
    """At most 6 MB, and at most the glibc of provided.al2023."""
    assert set(zips) == package.programs(paths.ROOT)
    for content in zips.values():
        assert len(content) <= 6 * 1024 * 1024
        assert elf.read(bootstrap(content)).glibc <= (2, 34)


def test_the_zip_holds_one_executable_without_a_date(binary: bytes) -> None:
    content = package.archive(binary)
    entries = zipfile.ZipFile(io.BytesIO(content)).infolist()
    assert [(entry.filename, entry.external_attr >> 16, entry.date_time) for entry in entries] == [
        ("bootstrap", 0o100755, (1980, 1, 1, 0, 0, 0))
    ]
    assert package.archive(bootstrap(content)) == content


@pytest.mark.slow
def test_packages_contain_no_path_of_this_machine(zips: dict[str, bytes]) -> None:
    """Paths of the checkout or the home folder would disclose who built the package, and change its bytes."""
    for content in zips.values():
        binary = bootstrap(content)
        assert str(paths.ROOT).encode() not in binary
        assert f"{Path.home()}/.cargo".encode() not in binary


def test_a_binary_for_a_newer_system_is_refused(binary: bytes) -> None:
    newest = "GLIBC_{}.{}".format(*elf.read(binary).glibc).encode()
    with pytest.raises(SystemExit, match=r"needs GLIBC_2\.99.*, but provided\.al2023 has 2\.34"):
        package.pack("ledger", binary.replace(newest + b"\0", b"GLIBC_2.99\0"))


def test_other_files_than_linux_programs_are_refused() -> None:
    for content, kind in (
        (b"#!/bin/sh\n", "a script, not a 64-bit Linux program"),
        (b"MZ" + bytes(100), "a Windows program"),
        (b"\xcf\xfa\xed\xfe" + bytes(100), "a macOS program"),
        (b"", "an unknown kind of file"),
        (b"\x7fELF\x02\x01" + bytes(58), "machine 0 is neither x86_64 nor arm64"),
        (b"\x7fELF\x02\x01", "a damaged Linux program"),
    ):
        with pytest.raises(SystemExit, match=f"ingest: {kind}"):
            package.pack("ingest", content)


def test_a_zip_above_the_limit_is_refused(binary: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MAX_ZIP_BYTES", 1000)
    monkeypatch.setattr(package, "MAX_GLIBC", elf.read(binary).glibc)
    with pytest.raises(SystemExit, match="the limit is 1000"):
        package.pack("ledger", binary)


def test_local_packages_are_kept_from_those_for_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--profile dev` packs every Lambda outside of dist/, and refuses options that it would ignore."""
    before = {path: path.stat().st_mtime_ns for path in paths.DIST.glob("*")}
    monkeypatch.setattr("sys.argv", ["package", "--profile", "dev"])
    package.main()
    assert {path: path.stat().st_mtime_ns for path in paths.DIST.glob("*")} == before
    packages = json.loads((paths.LOCAL_DIST / package.VARIABLES).read_text())["lambda_packages"]
    assert set(packages) == package.programs(paths.ROOT)
    for entry in packages.values():
        content = (paths.LOCAL_DIST / Path(entry["path"]).name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
        assert elf.read(bootstrap(content)).machine
    monkeypatch.setattr("sys.argv", ["package", "--profile", "dev", "ingest"])
    with pytest.raises(SystemExit, match="2"):
        package.main()


def test_an_unknown_lambda_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["package", "nosuch"])
    with pytest.raises(SystemExit, match=r"`nosuch` is not a Lambda: lambdas/ has .*ingest"):
        package.main()


def compiled(folder: Path, source: str, *options: str, name: str = "program") -> Path:
    """Compiles a program from one line of C."""
    (folder / f"{name}.c").write_text(source)
    path = folder / name
    subprocess.run(["cc", "-o", str(path), str(folder / f"{name}.c"), *options], check=True)
    return path


@pytest.fixture
def newer(tmp_path: Path) -> bytes:
    """A program that needs `__isoc23_strtol`, as compilers on glibc 2.38 or later make of `strtol`."""
    (tmp_path / "map").write_text("GLIBC_2.38 { global: __isoc23_strtol; };\n")
    stub = compiled(
        tmp_path,
        "long __isoc23_strtol(const char *t, char **e, int b) { return 0; }",
        *("-shared", "-fPIC", "-Wl,-soname,libc.so.6", f"-Wl,--version-script={tmp_path / 'map'}"),
        name="libnew.so",
    )
    source = "long __isoc23_strtol(const char *, char **, int); void _start(void) { __isoc23_strtol(0, 0, 0); }"
    return compiled(tmp_path, source, "-nostdlib", "-nostartfiles", str(stub)).read_bytes()


def test_a_symbol_of_a_newer_glibc_is_refused_with_advice(newer: bytes) -> None:
    assert elf.read(newer).newest == ["__isoc23_strtol"]
    with pytest.raises(
        SystemExit, match=r"GLIBC_2\.38 \(`__isoc23_strtol`\).* 2\.34: build with `scripts/package --linker zig`"
    ):
        package.pack("ingest", newer)


def test_a_program_that_lambda_cannot_start_is_refused(tmp_path: Path) -> None:
    main = "int main(void) { return 0; }"
    musl = compiled(tmp_path, main, "-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1")
    with pytest.raises(
        SystemExit, match=r"is started by `/lib/ld-musl-x86_64\.so\.1`, which provided\.al2023 does not have"
    ):
        package.pack("ingest", musl.read_bytes())
    library = compiled(tmp_path, main, "-shared", "-fPIC", "-Wl,-soname,libours.so.1", name="libours.so")
    with pytest.raises(SystemExit, match="a shared library, not a program"):
        package.pack("ingest", library.read_bytes())
    needs = compiled(tmp_path, main, "-Wl,--no-as-needed", str(library))
    with pytest.raises(SystemExit, match=r"needs `libours\.so\.1`, which provided\.al2023 does not have"):
        package.pack("ingest", needs.read_bytes())


def test_a_truncated_program_never_causes_a_traceback(binary: bytes) -> None:
    """Truncated at any length, a program is read or refused with a ValueError."""
    for length in [*range(0, 200), *range(200, len(binary), max(1, len(binary) // 50))]:
        try:
            elf.read(binary[:length])
        except ValueError:
            continue


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["package", *arguments])
    package.main()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that were built elsewhere, each in one of the two supported layouts; dist/ is temporary."""
    monkeypatch.setattr(package, "DIST", tmp_path / "dist")
    monkeypatch.setattr(package, "ROOT", tmp_path)
    (tmp_path / "lambdas").symlink_to(paths.ROOT / "lambdas")
    program = compiled(tmp_path, "int main(void) { return 0; }", name="built")
    folder = tmp_path / "from"
    for name in ("ingest", "provenance/bootstrap", "ledger"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(program.read_bytes())
    return folder


def test_programs_built_elsewhere_are_packed(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_main(monkeypatch, "--from", str(elsewhere))
    found = json.loads((package.DIST / package.VARIABLES).read_text())["lambda_packages"]
    assert set(found) == {"ingest", "ledger", "provenance"}
    assert {entry["architecture"] for entry in found.values()} == {ARCHITECTURE}
    (elsewhere / "ingest").chmod(0o700)
    os.utime(elsewhere / "ingest", (1, 1))
    run_main(monkeypatch, "--from", str(elsewhere))
    assert json.loads((package.DIST / package.VARIABLES).read_text())["lambda_packages"] == found
    run_main(monkeypatch, "--verify", "--from", str(elsewhere), "ingest")
    assert found["ingest"]["sha256"] in capsys.readouterr().out


def test_if_one_program_is_refused_nothing_is_written(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "ledger").write_bytes(b"garbage")
    with pytest.raises(SystemExit, match="ledger: an unknown kind of file"):
        run_main(monkeypatch, "--from", str(elsewhere))
    (elsewhere / "ledger").unlink()
    with pytest.raises(SystemExit, match=r"neither `.*/ledger` nor `.*/ledger/bootstrap` is a file"):
        run_main(monkeypatch, "--from", str(elsewhere))
    with pytest.raises(SystemExit, match="`/nonexistent` is not a folder"):
        run_main(monkeypatch, "--from", "/nonexistent")
    assert not package.DIST.exists()


@pytest.mark.parametrize(
    ("wanted", "target", "host", "chosen"),
    [
        ("auto", None, (2, 36), "system"),
        ("auto", None, (2, 38), "zig"),
        ("auto", None, (2, 41), "zig"),
        ("auto", None, None, "zig"),  # musl
        ("auto", "riscv64gc-unknown-linux-gnu", (2, 36), "zig"),
        ("zig", None, (2, 31), "zig"),
        ("system", "riscv64gc-unknown-linux-gnu", (2, 41), "system"),
    ],
)
def test_zig_links_where_the_system_linker_cannot(
    wanted: str, target: str | None, host: tuple[int, int] | None, chosen: str
) -> None:
    assert linker._resolve(wanted, target, host) == chosen


def test_a_missing_target_is_reported_with_the_command_to_install_it() -> None:
    with pytest.raises(SystemExit, match="`nosuch-target` is not a Rust target"):
        linker._require("nosuch-target")
    missing = "aarch64-unknown-linux-gnu" if ARCHITECTURE == "x86_64" else "x86_64-unknown-linux-gnu"
    installed = subprocess.run(
        ["rustc", "--print", "target-libdir", "--target", missing], capture_output=True, text=True
    )
    if any(Path(installed.stdout.strip()).glob("libstd-*")):
        pytest.skip(f"{missing} is installed")
    with pytest.raises(SystemExit, match=f"run `rustup target add {missing}`"):
        linker._require(missing)


@pytest.mark.slow
def test_zig_links_against_the_glibc_of_lambda() -> None:
    """Independent of this machine's glibc, and without a path of this machine."""
    [path] = package.build(paths.ROOT, ["ledger"], None, linked="zig").values()
    content = path.read_bytes()
    package.pack("ledger", content)
    assert elf.read(content).glibc <= (2, 34)
    for path_of_machine in (paths.ROOT, Path.home() / ".cargo"):
        assert str(path_of_machine).encode() not in content
