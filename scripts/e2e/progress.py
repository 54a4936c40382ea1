"""Runs one step of a script: prints its title, a progress message when it is silent, and records its duration.

`python -m e2e.progress run TITLE COMMAND...` and `python -m e2e.progress table`. Standard library only: it runs before
anything is installed. SLUICE_TIMES names the file with the durations; the file `$SLUICE_TIMES.background` has a line
about background work, which progress messages include.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

SILENCE_S = 15.0  # time without output after which a progress message is printed


def main() -> None:
    times = Path(os.environ["SLUICE_TIMES"])
    match sys.argv[1:]:
        case ["table"]:
            print(table(times.read_text()), end="")
        case ["run", title, *command] if command:
            started = time.monotonic()
            code = run(title, command, times.with_name(f"{times.name}.background"))
            seconds = time.monotonic() - started
            with times.open("a") as notes:
                notes.write(f"{title}\t{seconds:.1f}\n")
            sys.exit(code)
        case _:
            sys.exit(__doc__)


def run(title: str, command: list[str], background: Path, silence_s: float = SILENCE_S) -> int:
    """Relays the output of the command; returns its exit code. SIGTERM is passed on to the command."""
    print(f"\n== {title}", flush=True)
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    last, ended = [started], threading.Event()

    def print_progress() -> None:
        while not ended.wait(1.0):
            now = time.monotonic()
            if now - last[0] >= silence_s:
                last[0] = now
                print(f"   ... {now - started:.0f} s: {title}{_background(background)}", flush=True)

    thread = threading.Thread(target=print_progress, daemon=True)
    thread.start()
    assert process.stdout
    for line in process.stdout:
        last[0] = time.monotonic()
        print(line, end="", flush=True)
    code = process.wait()
    ended.set()
    thread.join()
    return code


def _background(file: Path) -> str:
    try:
        text = file.read_text().strip()
    except FileNotFoundError:
        return ""
    return f" ({text})" if text else ""


def table(notes: str) -> str:
    """The steps with their durations, one per line, and the sum."""
    rows = [(title, float(seconds)) for title, seconds in (line.split("\t") for line in notes.splitlines())]
    rows.append(("total", sum(seconds for _, seconds in rows)))
    width = max(len(title) for title, _ in rows)
    return "".join(f"{title:<{width}}  {seconds:7.1f} s\n" for title, seconds in rows)


if __name__ == "__main__":
    main()
