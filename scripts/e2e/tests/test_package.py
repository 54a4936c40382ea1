"""What goes to AWS: one binary that Amazon Linux 2023 can load, in a zip that says nothing of where it was made."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest

from .. import build, elf, package, paths


@pytest.fixture(scope="module")
def zips() -> dict[str, bytes]:
    """The packages for AWS, by Lambda."""
    package.package(sorted(package.programs(paths.ROOT)), None)
    found = json.loads((paths.DIST / package.VARIABLES).read_text())["lambda_packages"]
    contents = {}
    for name, entry in found.items():
        path = paths.DIST / Path(entry["path"]).name
        contents[name] = path.read_bytes()
        assert hashlib.sha256(contents[name]).hexdigest() == entry["sha256"]
        assert path.name == f"{name}-{entry['sha256'][:12]}.zip"
    return contents


@pytest.fixture(scope="module")
def binary() -> bytes:
    """A Lambda as the local stack runs it."""
    return build.stripped(build.binaries()["ledger"])


def bootstrap(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read("bootstrap")


@pytest.mark.slow
def test_every_lambda_is_packaged_within_the_limits(zips: dict[str, bytes]) -> None:
    """003.19: at most 6 MB, at most the glibc of provided.al2023."""
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
def test_no_path_of_this_machine_is_in_it(zips: dict[str, bytes]) -> None:
    """Neither the checkout's nor the home's: they would tell who built it, and change the bytes."""
    for content in zips.values():
        binary = bootstrap(content)
        assert str(paths.ROOT).encode() not in binary
        assert f"{Path.home()}/.cargo".encode() not in binary


def test_a_binary_for_a_newer_system_is_refused(binary: bytes) -> None:
    newest = "GLIBC_{}.{}".format(*elf.read(binary).glibc).encode()
    with pytest.raises(SystemExit, match=r"needs GLIBC_2\.99, but provided\.al2023 has 2\.34"):
        package.pack("ledger", binary.replace(newest + b"\0", b"GLIBC_2.99\0"))


def test_what_is_no_linux_binary_is_refused() -> None:
    with pytest.raises(SystemExit, match="not a 64-bit Linux binary"):
        package.pack("ingest", b"#!/bin/sh\n")


def test_a_zip_above_the_limit_is_refused(binary: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "LIMIT", 1000)
    monkeypatch.setattr(package, "GLIBC", elf.read(binary).glibc)
    with pytest.raises(SystemExit, match="the limit is 1000"):
        package.pack("ledger", binary)


def test_local_packages_are_kept_from_those_for_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--profile dev` packs every Lambda outside of dist/, and takes nothing else that would be ignored."""
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
    with pytest.raises(SystemExit, match=r"`nosuch` is no Lambda: lambdas/ has .*ingest"):
        package.main()
