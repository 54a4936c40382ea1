"""What goes to AWS: one binary that Amazon Linux 2023 can load, in a zip that says nothing of where it was made."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest

from .. import elf, package, paths
from . import ahead
from .conftest import packaged


@pytest.fixture(scope="module")
def zips() -> dict[str, bytes]:
    """The packages that are deployed, by Lambda."""
    ahead.of(packaged)
    found = json.loads((paths.DIST / package.VARIABLES).read_text())["lambda_packages"]
    contents = {}
    for name, entry in found.items():
        path = paths.DIST / Path(entry["path"]).name
        contents[name] = path.read_bytes()
        assert hashlib.sha256(contents[name]).hexdigest() == entry["sha256"]
        assert path.name == f"{name}-{entry['sha256'][:12]}.zip"
    return contents


def bootstrap(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read("bootstrap")


def test_every_lambda_is_packaged_within_the_limits(zips: dict[str, bytes]) -> None:
    """003.19: at most 6 MB, at most the glibc of provided.al2023."""
    assert set(zips) == package.programs(paths.ROOT)
    for content in zips.values():
        assert len(content) <= 6 * 1024 * 1024
        assert elf.read(bootstrap(content)).glibc <= (2, 34)


def test_the_zip_holds_one_executable_without_a_date(zips: dict[str, bytes]) -> None:
    for name, content in zips.items():
        entries = zipfile.ZipFile(io.BytesIO(content)).infolist()
        assert [(entry.filename, entry.external_attr >> 16, entry.date_time) for entry in entries] == [
            ("bootstrap", 0o100755, (1980, 1, 1, 0, 0, 0))
        ]
        assert package.pack(name, bootstrap(content)) == content


def test_no_path_of_this_machine_is_in_it(zips: dict[str, bytes]) -> None:
    """Neither the checkout's nor the home's: they would tell who built it, and change the bytes."""
    for content in zips.values():
        binary = bootstrap(content)
        assert str(paths.ROOT).encode() not in binary
        assert f"{Path.home()}/.cargo".encode() not in binary


def test_a_binary_for_a_newer_system_is_refused(zips: dict[str, bytes]) -> None:
    binary = bootstrap(zips["ingest"])
    newest = "GLIBC_{}.{}".format(*elf.read(binary).glibc).encode()
    with pytest.raises(SystemExit, match=r"needs GLIBC_2\.99, but provided\.al2023 has 2\.34"):
        package.pack("ingest", binary.replace(newest + b"\0", b"GLIBC_2.99\0"))


def test_what_is_no_linux_binary_is_refused() -> None:
    with pytest.raises(SystemExit, match="not a 64-bit Linux binary"):
        package.pack("ingest", b"#!/bin/sh\n")


def test_a_zip_above_the_limit_is_refused(zips: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "LIMIT", 1000)
    with pytest.raises(SystemExit, match="the limit is 1000"):
        package.pack("ingest", bootstrap(zips["ingest"]))


def test_an_unknown_lambda_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["package", "nosuch"])
    with pytest.raises(SystemExit, match=r"`nosuch` is no Lambda: lambdas/ has .*ingest"):
        package.main()
