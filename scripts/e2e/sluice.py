"""The operator's tool, run as a user of a stack."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from . import accounts, build, environment
from .deployment import Deployment


def binary() -> Path:
    """The program itself is what the tests run."""
    return build.binaries()["sluice"]


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict]:
        """The output of `--format json`."""
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

    def __call__(self, *arguments: str, user: str = "operator", answer: str = "", **variables: str) -> Ran:
        process = self.start(*arguments, user=user, **variables)
        out, err = process.communicate(answer, timeout=300)
        return Ran(process.returncode, out, err)

    def done(self, *arguments: str, user: str = "operator", answer: str = "", **variables: str) -> Ran:
        """Runs what has to succeed."""
        ran = self(*arguments, user=user, answer=answer, **variables)
        assert ran.code == 0, f"sluice {' '.join(arguments)}: exit {ran.code}\n{ran.out}{ran.err}"
        return ran

    def killed(self, after_s: float, *arguments: str, user: str = "operator") -> bool:
        """Kills the run (SIGKILL) after a while; whether it was still running."""
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


def took(run, *arguments: str, **named: str) -> float:  # noqa: ANN001 - any way to run
    """Seconds that a run takes."""
    started = time.monotonic()
    run(*arguments, **named)
    return time.monotonic() - started


def normalised(text: str) -> str:
    """Without what differs from run to run: versions, times, ages, sizes of the account."""
    for pattern, name in (
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "VERSION"),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (r"\b\d{4}/\d\d/\d\d\b", "YYYY/MM/DD"),
        (r"\b[0-9a-f]{64}\b", "SHA256"),
        (r"(?<=  )\d+ (s|min|h|d)(?=  )", "AGE"),
    ):
        text = re.sub(pattern, name, text)
    return text
