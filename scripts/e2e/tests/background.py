"""Work that takes minutes, most of them waiting, and runs while other tests run.

A fixture whose name ends in `_started` starts such work and returns it. Before the first test, the session requests
each of these fixtures that a selected test needs, directly or through another fixture (conftest.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Background(Generic[Result]):
    """A function that runs in a thread of its own. An interrupted session does not wait for it."""

    def __init__(self, function: Callable[[], Result]) -> None:
        self._future: Future[Result] = Future()
        threading.Thread(target=self._run, args=(function,), daemon=True).start()

    def result(self) -> Result:
        """Waits for the function; returns its result or raises its error."""
        return self._future.result()

    def _run(self, function: Callable[[], Result]) -> None:
        try:
            self._future.set_result(function())
        except BaseException as error:  # SystemExit too, which the helpers raise: the test that needs the result fails
            self._future.set_exception(error)
