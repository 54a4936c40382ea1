"""Reads what decides whether Lambda can load a Linux binary: machine, loader, libraries, and required glibc version."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

MACHINES = {0x3E: "x86_64", 0xB7: "arm64"}
LOADERS = {"x86_64": "/lib64/ld-linux-x86-64.so.2", "arm64": "/lib/ld-linux-aarch64.so.1"}
_EXECUTABLE, _SHARED = 2, 3
_LOAD, _DYNAMIC, _INTERPRETER = 1, 2, 3
_NEEDED, _STRINGS, _FLAGS, _PIE = 1, 5, 0x6FFFFFFB, 0x08000000
_VERNEED, _VERSYM, _DYNSYM = 0x6FFFFFFE, 0x6FFFFFFF, 11
# A version that marks a file format: the loader of an older glibc rejects the file.
_MARKERS = {"GLIBC_ABI_DT_RELR": (2, 36)}


@dataclass(frozen=True)
class Binary:
    machine: str
    # The newest glibc version that it requires, and the symbols that require it.
    glibc: tuple[int, int]
    newest: list[str] = field(default_factory=list)
    # The path of its loader; None for a static program.
    loader: str | None = None
    libraries: list[str] = field(default_factory=list)


def read(content: bytes) -> Binary:
    """Raises ValueError if the content is not a program for 64-bit Linux."""
    if content[:6] != b"\x7fELF\x02\x01":
        raise ValueError(f"{_kind(content)}, not a 64-bit Linux program (ELF)")
    try:
        return _read(content)
    except (struct.error, IndexError, UnicodeDecodeError, OverflowError) as error:
        raise ValueError("a damaged Linux program (ELF): part of the file is missing") from error


def _kind(content: bytes) -> str:
    known = {
        b"\x7fELF\x01": "a 32-bit Linux program",
        b"\xcf\xfa\xed\xfe": "a macOS program",
        b"\xca\xfe\xba\xbe": "a macOS program",
        b"MZ": "a Windows program",
        b"PK\x03\x04": "a zip",
        b"#!": "a script",
    }
    return next((name for start, name in known.items() if content.startswith(start)), "an unknown kind of file")


def _read(content: bytes) -> Binary:
    kind, number = struct.unpack_from("<HH", content, 16)
    if number not in MACHINES:
        raise ValueError(f"machine {number} is neither x86_64 nor arm64")
    if kind not in (_EXECUTABLE, _SHARED):
        raise ValueError("an object file or core dump, not a program")
    loader, libraries, independent = _loaded(content)
    if loader is None and (libraries or (kind == _SHARED and not independent)):
        raise ValueError("a shared library, not a program: it has no loader")
    needs = _needs(content)
    newest = max((version for version in needs.values()), default=(0, 0))
    names = [name for name, version in needs.items() if version == newest]
    return Binary(MACHINES[number], newest, _symbols(content, names), loader, libraries)


def _loaded(content: bytes) -> tuple[str | None, list[str], bool]:
    """The loader and the libraries in the program headers, and whether it is marked as position-independent."""
    table = struct.unpack_from("<Q", content, 32)[0]
    size, count = struct.unpack_from("<HH", content, 54)
    segments = [struct.unpack_from("<IIQQQQQQ", content, table + index * size) for index in range(count)]
    loader, entries = None, []
    for kind, _, offset, _, _, length, _, _ in segments:
        if kind == _INTERPRETER:
            loader = _text(content, offset)
        if kind == _DYNAMIC:
            entries = list(struct.iter_unpack("<qQ", content[offset : offset + length // 16 * 16]))
    independent = any(tag == _FLAGS and value & _PIE for tag, value in entries)
    strings = next((value for tag, value in entries if tag == _STRINGS), None)
    if strings is None:
        return loader, [], independent
    offsets = [
        strings - address + offset
        for kind, _, offset, address, _, length, _, _ in segments
        if kind == _LOAD and address <= strings < address + length
    ]
    return loader, [_text(content, offsets[0] + value) for tag, value in entries if tag == _NEEDED], independent


def _sections(content: bytes) -> list[tuple[int, ...]]:
    table, size, count = struct.unpack_from("<Q", content, 40)[0], *struct.unpack_from("<HH", content, 58)
    return [struct.unpack_from("<IIQQQQIIQQ", content, table + index * size) for index in range(count)]


def _needs(content: bytes) -> dict[str, tuple[int, int]]:
    """Every glibc version in the version-needs section."""
    return {name: version for name, version in _versions(content).values() if version}


def _versions(content: bytes) -> dict[int, tuple[str, tuple[int, int] | None]]:
    """Name and glibc version, by number in the symbol version table."""
    sections = _sections(content)
    found: dict[int, tuple[str, tuple[int, int] | None]] = {}
    for _, kind, _, _, offset, _, link, libraries, _, _ in sections:
        if kind != _VERNEED:
            continue
        names = sections[link][4]
        for _, versions, _, first, _, start in _chain(content, "<HHIII", offset, libraries):
            for _, _, number, name, _, _ in _chain(content, "<IHHII", start + first, versions):
                text = _text(content, names + name)
                found[number & 0x7FFF] = (text, _version(text))
    return found


def _chain(content: bytes, layout: str, offset: int, count: int) -> Iterator[tuple[int, ...]]:
    """Entries whose last field is the distance to the next one, 0 at the end; each with its offset."""
    for _ in range(count):
        entry = struct.unpack_from(layout, content, offset)
        yield (*entry, offset)
        if entry[-1] == 0:
            return
        offset += entry[-1]


def _symbols(content: bytes, wanted: list[str]) -> list[str]:
    """The names of the dynamic symbols with these versions."""
    sections, versions = _sections(content), _versions(content)
    numbers = {number for number, (name, _) in versions.items() if name in wanted}
    table = next((section for section in sections if section[1] == _DYNSYM), None)
    marks = next((section for section in sections if section[1] == _VERSYM), None)
    if not numbers or table is None or marks is None:
        return []
    names = sections[table[6]][4]
    found = []
    for index in range(marks[5] // 2):
        mark = struct.unpack_from("<H", content, marks[4] + 2 * index)[0] & 0x7FFF
        if mark in numbers:
            name = struct.unpack_from("<I", content, table[4] + 24 * index)[0]
            found.append(_text(content, names + name))
    return sorted(found)


def _version(name: str) -> tuple[int, int] | None:
    if name in _MARKERS:
        return _MARKERS[name]
    if not name.startswith("GLIBC_2"):
        return None
    try:
        major, minor = name.removeprefix("GLIBC_").split(".")[:2]
        return int(major), int(minor)
    except ValueError:
        raise ValueError(f"it requires an unknown glibc version, {name!r}") from None


def _text(content: bytes, offset: int) -> str:
    end = content.find(b"\0", offset)
    if end < 0:
        raise IndexError(offset)
    return content[offset:end].decode()
