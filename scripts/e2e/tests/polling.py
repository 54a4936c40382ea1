"""Waits for conditions instead of sleeping for a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable


def eventually(condition: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
    """Returns as soon as `condition` holds; fails with `what` after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"no {what} within {timeout_s:.0f} s"
        time.sleep(0.1)


def now_ms() -> int:
    return int(time.time() * 1000)
