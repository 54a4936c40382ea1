"""Runs `sluice`, the operator's tool, as a user of a stack."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import accounts, build, environment
from .deployment import Deployment


def binary() -> Path:
    return build.binaries()["sluice"]


@dataclass(frozen=True)
class Completed:
    code: int
    out: str
    err: str

    @property
    def denied(self) -> bool:
        """Whether AWS denied a call: `sluice` prints the error code, or the HTTP status where AWS sends no code."""
        return any(text in self.out + self.err for text in ("AccessDenied", "HTTP 403"))

    @property
    def lines(self) -> list[dict]:
        """The lines of output with `--format json`."""
        return [json.loads(line) for line in self.out.splitlines()]


class Sluice:
    def __init__(self, deployment: Deployment, outputs: Path, folder: Path) -> None:
        self.deployment = deployment
        self.folder = folder
        self.outputs = outputs

    def environment(self, user: str) -> dict[str, str]:
        deployment = self.deployment
        keys = accounts.load(deployment.stack)[user]
        tool = environment.tool(deployment.stack, deployment.emulator, keys)
        return tool | {"SLUICE_OUTPUTS": str(self.outputs)}

    def start(self, *arguments: str, user: str = "operator", **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(binary()), *arguments],
            cwd=self.folder,
            env=self.environment(user) | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *arguments: str, user: str = "operator", answer: str = "", **variables: str) -> Completed:
        process = self.start(*arguments, user=user, **variables)
        out, err = process.communicate(answer, timeout=300)
        return Completed(process.returncode, out, err)

    def run(self, *arguments: str, user: str = "operator", answer: str = "", **variables: str) -> Completed:
        """Runs a command that has to succeed."""
        completed = self(*arguments, user=user, answer=answer, **variables)
        output = completed.out + completed.err
        assert completed.code == 0, f"sluice {' '.join(arguments)}: exit {completed.code}\n{output}"
        return completed

    def kill_after(self, after_s: float, *arguments: str, user: str = "operator") -> bool:
        """Kills the command (SIGKILL) after a time; returns whether it was still running."""
        process = self.start(*arguments, user=user)
        time.sleep(after_s)
        alive = process.poll() is None
        if alive:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return alive

    def write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


def duration_s(run: Callable[..., Completed], *arguments: str, **named: str) -> float:
    """How long a command takes."""
    started = time.monotonic()
    run(*arguments, **named)
    return time.monotonic() - started


def normalised(text: str) -> str:
    """Replaces what differs from run to run: version-ids, times, dates, hashes and ages."""
    for pattern, name in (
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "VERSION"),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (r"\b\d{4}/\d\d/\d\d\b", "YYYY/MM/DD"),
        (r"\b[0-9a-f]{64}\b", "SHA256"),
        (r"(?<=  )\d+ (s|min|h|d)(?=  )", "AGE"),
    ):
        text = re.sub(pattern, name, text)
    return text
