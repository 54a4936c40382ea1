"""What takes minutes, most of them waiting, begins before it is needed, beside the tests that need none of it.

A module with a stack of its own names as `AHEAD` what makes it; the session begins that first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Made = TypeVar("Made")

_begun: dict[Callable[[], object], Future] = {}
_lock = threading.Lock()


def begin(make: Callable[[], Made]) -> Future[Made]:
    """Begins `make`, once in a session. Nobody waits for a thread when the session is broken off."""
    with _lock:
        if make not in _begun:
            _begun[make] = Future()
            threading.Thread(target=_work, args=(make, _begun[make]), daemon=True).start()
        return _begun[make]


def of(make: Callable[[], Made]) -> Made:
    """What `make` returned, or its error."""
    return begin(make).result()


def _work(make: Callable[[], object], future: Future) -> None:
    try:
        future.set_result(make())
    except BaseException as error:  # also SystemExit, which our helpers raise: it is of the test that asks
        future.set_exception(error)
