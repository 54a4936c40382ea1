"""Runs one step of a script: says what runs, says so again when it is silent, and notes how long it took.

`python -m e2e.progress run TITLE COMMAND...` and `python -m e2e.progress table`. Standard library only: it runs before
anything is installed. SLUICE_TIMES names the file of the times; `<that file>.background` is a line about what runs
beside the steps, shown with each sign of life.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

SILENCE = 15.0  # seconds after which a sign of life is printed


def main() -> None:
    times = Path(os.environ["SLUICE_TIMES"])
    match sys.argv[1:]:
        case ["table"]:
            print(table(times.read_text()), end="")
        case ["run", title, *command] if command:
            begun = time.monotonic()
            code = run(title, command, background(times))
            took = time.monotonic() - begun
            with times.open("a") as notes:
                notes.write(f"{title}\t{took:.1f}\n")
            sys.exit(code)
        case _:
            sys.exit(__doc__)


def background(times: Path) -> Path:
    return times.with_name(f"{times.name}.background")


def run(title: str, command: list[str], beside: Path, silence: float = SILENCE) -> int:
    """Relays what the command writes; returns its exit code. Asked to end, it ends the command first."""
    print(f"\n== {title}", flush=True)
    begun = time.monotonic()
    process = subprocess.Popen(
        command,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    last, ended = [begun], threading.Event()

    def show_life() -> None:
        while not ended.wait(1.0):
            now = time.monotonic()
            if now - last[0] >= silence:
                last[0] = now
                print(f"   ... {now - begun:.0f} s: {title}{_beside(beside)}", flush=True)

    thread = threading.Thread(target=show_life, daemon=True)
    thread.start()
    assert process.stdout
    for line in process.stdout:
        last[0] = time.monotonic()
        print(line, end="", flush=True)
    code = process.wait()
    ended.set()
    thread.join()
    return code


def _beside(file: Path) -> str:
    try:
        text = file.read_text().strip()
    except FileNotFoundError:
        return ""
    return f" ({text})" if text else ""


def table(notes: str) -> str:
    """The steps with their seconds, one a line, and their sum."""
    rows = [(title, float(seconds)) for title, seconds in (line.split("\t") for line in notes.splitlines())]
    rows.append(("together", sum(seconds for _, seconds in rows)))
    width = max(len(title) for title, _ in rows)
    return "".join(f"{title:<{width}}  {seconds:7.1f} s\n" for title, seconds in rows)


if __name__ == "__main__":
    main()
