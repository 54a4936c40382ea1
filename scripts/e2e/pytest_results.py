"""A pytest plugin that records what ran: `pytest -p e2e.pytest_results`."""

from __future__ import annotations

import pytest

from . import results


class Plugin:
    def __init__(self) -> None:
        self._recorder = results.Recorder("pytest")
        self._outcome: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called for the setup, the call and the teardown of each test."""
        outcome = report.outcome
        if outcome == results.FAILED and report.when != "call":
            outcome = results.ERROR
        if outcome != results.PASSED:
            self._outcome.setdefault(report.nodeid, outcome)
        if report.when == "teardown":
            path, _, test = report.nodeid.partition("::")
            self._recorder.add(self._outcome.pop(report.nodeid, results.PASSED), f"{path.rpartition('/')[2]}::{test}")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Plugin())
