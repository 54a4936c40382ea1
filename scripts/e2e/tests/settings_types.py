"""The attributes of a system's object, read from its type, and misspellings of their names."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator

from ..paths import ROOT

Path = tuple[str, ...]

# Values that are not valid by their type alone.
_VALUES: dict[str, object] = {
    "schema_file": "../../tests/schemas/order.json",
    "table.hash_key": "OrderID",
    "table.range_key": "",
    "replica_regions": ["us-east-2"],
    "encryption": "sse-kms",
    "prefix": "in/",
    "prefixes": ["in/"],
    "watch": [],
    "folders": ["done/"],
    "notify_on": ["invalid"],
    "mode": "GOVERNANCE",
    "names.database": "sluice_names",
}
_BY_ENDING = {"_emails": ["ops@example.org"], "_principals": ["arn:aws:iam::111122223333:role/one"]}
_NUMBERS = {"memory_mb": 512, "timeout_s": 100, "max_object_mib": 2, "scan_limit_mib": 10}


def attributes(system: str) -> dict[Path, str]:
    """The type of every attribute at every depth, in the order of the file; `object` has attributes below it."""
    text = (ROOT / "terraform" / "modules" / system / "variables.tf").read_text()
    text = text.partition('variable "settings" {')[2].partition("type = object({\n")[2].partition("\n  })\n")[0]
    found: dict[Path, str] = {}
    parents: list[str] = []
    for line in text.splitlines():
        if match := re.match(r" *(\w+) += optional\((object|[a-z]+(?:\([a-z]+\))?)", line):
            found[(*parents, match[1])] = match[2]
            if line.endswith("object({"):
                parents.append(match[1])
        elif line.strip().startswith("})"):
            parents.pop()
        elif not line.strip().startswith("#"):
            raise ValueError(f"`{line}` in the type of `{system}` is not a comment or an optional attribute")
    return found


def complete(system: str) -> dict:
    """An object with a valid value for every attribute."""
    settings: dict = {}
    for path, kind in attributes(system).items():
        _parent(settings, path)[path[-1]] = {} if kind == "object" else _value(path, kind)
    return settings


def _value(path: Path, kind: str) -> object:
    name = path[-1]
    for key in (".".join(path), name):
        if key in _VALUES:
            return _VALUES[key]
    if kind.startswith("list"):
        return next(value for ending, value in _BY_ENDING.items() if name.endswith(ending))
    if kind == "bool":
        return False
    if kind == "number":
        return _NUMBERS.get(name, 20)
    return "-".join(path).replace("_", "-")[-40:].lstrip("-")


def _parent(settings: dict, path: Path) -> dict:
    for key in path[:-1]:
        settings = settings[key]
    return settings


def misspellings(name: str) -> list[str]:
    """A dropped, a doubled and two swapped letters, hyphens, camel case and capitals."""
    middle = len(name) // 2
    words = name.split("_")
    found = [
        name[:middle] + name[middle + 1 :],
        name[:middle] + name[middle] + name[middle:],
        name[: middle - 1] + name[middle] + name[middle - 1] + name[middle + 1 :],
        name.replace("_", "-"),
        words[0] + "".join(word.title() for word in words[1:]),
        name.upper(),
    ]
    return [other for other in dict.fromkeys(found) if other != name]


def misspelt(system: str) -> Iterator[tuple[Path, str]]:
    """Every attribute with each misspelling that is not the name of another attribute of its object."""
    known = attributes(system)
    for path in known:
        for other in misspellings(path[-1]):
            if (*path[:-1], other) not in known:
                yield path, other


def next_to(system: str) -> dict:
    """The complete object, in which every attribute also stands under all its misspellings."""
    settings, right = complete(system), complete(system)
    for path, other in misspelt(system):
        _parent(settings, path)[other] = copy.deepcopy(_parent(right, path)[path[-1]])
    return settings


def instead(system: str, path: Path, other: str) -> dict:
    """The complete object, in which one attribute has another name."""
    settings = complete(system)
    parent = _parent(settings, path)
    parent[other] = parent.pop(path[-1])
    return settings


def message(system: str, path: Path, other: str) -> str:
    return f"`{'.'.join((system, *path[:-1], other))}` is not an attribute; did you mean `{path[-1]}`?"
