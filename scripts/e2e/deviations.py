"""Reads deviations.md, the known deviations of the emulator from AWS."""

from __future__ import annotations

from dataclasses import dataclass

from .paths import ROOT

PAGE = ROOT / "scripts" / "local" / "deviations.md"
COLUMNS = ("id", "AWS", "emulator", "workaround", "drift", "test")


@dataclass(frozen=True)
class Deviation:
    id: str
    aws: str
    emulator: str
    workaround: str
    drift: tuple[str, frozenset[str]] | None
    test: str


def read() -> list[Deviation]:
    """The rows of the table; a row with another number of cells is an error."""
    rows = []
    for line in PAGE.read_text().splitlines():
        if not line.startswith("|"):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != len(COLUMNS):
            raise SystemExit(f"{PAGE.name}: this row has {len(cells)} cells, expected {len(COLUMNS)}: {line}")
        rows.append(cells)
    if tuple(rows[0]) != COLUMNS:
        raise SystemExit(f"{PAGE.name}: the columns must be {', '.join(COLUMNS)}")
    return [
        Deviation(name, aws, emulator, workaround, _drift(drift), test)
        for name, aws, emulator, workaround, drift, test in rows[2:]
    ]


def _drift(cell: str) -> tuple[str, frozenset[str]] | None:
    """`type: attribute, attribute`: the attributes that a second plan may change in resources of that type."""
    if not cell:
        return None
    kind, _, attributes = cell.replace("`", "").partition(":")
    return kind.strip(), frozenset(attribute.strip() for attribute in attributes.split(","))


def tolerated() -> dict[str, frozenset[str]]:
    """The attributes that a second plan may change, by resource type."""
    return {drift[0]: drift[1] for deviation in read() if (drift := deviation.drift)}


def unexpected(plan: dict) -> list[str]:
    """The changes of a second plan that are not tolerated, one line each."""
    allowed = tolerated()
    found = []
    for change in plan.get("resource_changes", []):
        actions = change["change"]["actions"]
        if actions in (["no-op"], ["read"]):
            continue
        if actions != ["update"]:
            found.append(f"{change['address']}: {'/'.join(actions)}")
            continue
        before, after = change["change"]["before"], change["change"]["after"]
        unknown = change["change"]["after_unknown"]
        names = {name for name in after if before.get(name) != after[name]} | {
            name for name, value in unknown.items() if value
        }
        if beyond := sorted(names - allowed.get(change["type"], frozenset())):
            found.append(f"{change['address']}: {', '.join(beyond)}")
    for name, change in plan.get("output_changes", {}).items():
        if change["actions"] != ["no-op"]:
            found.append(f"output {name}: {'/'.join(change['actions'])}")
    return found
