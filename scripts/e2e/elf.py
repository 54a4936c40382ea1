"""What decides whether Lambda can load a Linux binary: its machine and its newest glibc symbol."""

from __future__ import annotations

import struct
from dataclasses import dataclass

MACHINES = {0x3E: "x86_64", 0xB7: "arm64"}
_VERNEED = 0x6FFFFFFE


@dataclass(frozen=True)
class Binary:
    machine: str
    glibc: tuple[int, int]


def read(content: bytes) -> Binary:
    """Raises ValueError with the reason if this is no 64-bit Linux binary."""
    if content[:6] != b"\x7fELF\x02\x01":
        raise ValueError("not a 64-bit Linux binary (ELF)")
    number = struct.unpack_from("<H", content, 18)[0]
    if number not in MACHINES:
        raise ValueError(f"machine {number} is neither x86_64 nor arm64")
    return Binary(MACHINES[number], max(_glibc(content), default=(0, 0)))


def _glibc(content: bytes) -> list[tuple[int, int]]:
    """Every GLIBC_x.y that the binary's version-needs section names."""
    table, size, count = struct.unpack_from("<Q", content, 40)[0], *struct.unpack_from("<HH", content, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", content, table + index * size) for index in range(count)]
    found = []
    for _, kind, _, _, offset, _, link, libraries, _, _ in sections:
        if kind != _VERNEED:
            continue
        names = sections[link][4]
        for _ in range(libraries):
            _, versions, _, first, following = struct.unpack_from("<HHIII", content, offset)
            entry = offset + first
            for _ in range(versions):
                _, _, _, name, next_version = struct.unpack_from("<IHHII", content, entry)
                found.append(_text(content, names + name))
                entry += next_version
            offset += following
    return [_version(text) for text in found if text.startswith("GLIBC_2")]


def _version(name: str) -> tuple[int, int]:
    major, minor = name.removeprefix("GLIBC_").split(".")[:2]
    return int(major), int(minor)


def _text(content: bytes, offset: int) -> str:
    return content[offset : content.index(b"\0", offset)].decode()
