"""The scenario's results as a table, and the difference between expected and found outcomes."""

from __future__ import annotations

import difflib
import unicodedata

from .scenario_checks import CheckResult


def table(results: list[CheckResult]) -> str:
    rows = [("", "file", "outcome", "reason")]
    for result in results:
        step = result.arrival.step
        mark = "✗" if result.problems else "✓"
        rows.append((mark, f"{step.title} · {step.key}", result.outcome, result.reason))
    widths = [max(_width(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(_pad(cell, width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * min(max(map(_width, lines)), 120), *lines[1:]])


def difference(results: list[CheckResult]) -> str:
    """Expected against found outcomes, one line per file; empty if they are equal."""
    failed = [result for result in results if result.problems]
    if not failed:
        return ""
    expected = [f"{result.arrival.step.title}: {result.arrival.step.outcome}" for result in results]
    found = [f"{result.arrival.step.title}: {result.outcome}" for result in results]
    lines = list(difflib.unified_diff(expected, found, "expected", "found", lineterm="", n=0))
    for result in failed:
        lines += [f"{result.arrival.step.title}: {problem}" for problem in result.problems]
    return "\n".join(lines)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
