"""The scenario's table for people, and the difference where something is not as it had to be."""

from __future__ import annotations

import difflib
import unicodedata

from .judge import Outcome


def table(outcomes: list[Outcome]) -> str:
    rows = [("", "file", "what happened", "why")]
    for outcome in outcomes:
        step = outcome.arrival.step
        mark = "✗" if outcome.problems else "✓"
        rows.append((mark, f"{step.title} · {step.key}", outcome.end, outcome.why))
    widths = [max(_width(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(_pad(cell, width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * min(max(map(_width, lines)), 120), *lines[1:]])


def difference(outcomes: list[Outcome]) -> str:
    """Expected against found, one line a file; empty if they are the same."""
    wrong = [outcome for outcome in outcomes if outcome.problems]
    if not wrong:
        return ""
    expected = [f"{outcome.arrival.step.title}: {outcome.arrival.step.end}" for outcome in outcomes]
    found = [f"{outcome.arrival.step.title}: {outcome.end}" for outcome in outcomes]
    lines = list(difflib.unified_diff(expected, found, "expected", "found", lineterm="", n=0))
    for outcome in wrong:
        lines += [f"{outcome.arrival.step.title}: {problem}" for problem in outcome.problems]
    return "\n".join(lines)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
