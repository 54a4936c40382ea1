"""`python -m e2e.local up|down [STACK]`: starts and stops a stack."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import sys
from collections.abc import Iterator

from . import accounts, emulator, environment, paths


@contextlib.contextmanager
def locked(stack: paths.Stack) -> Iterator[None]:
    """Holds the stack's lock: only one command at a time starts or stops a stack."""
    stack.folder.mkdir(parents=True, exist_ok=True)
    with (stack.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def up(stack: paths.Stack, fresh: bool = False) -> emulator.Emulator:
    with locked(stack):
        found = None if fresh else emulator.running(stack)
        if found is None or not stack.exports.exists():
            found = emulator.start(stack)
            users = accounts.create(stack, found)
            stack.exports.touch(mode=0o600)
            stack.exports.write_text(environment.exports(stack, found, users["deployer"]))
        return found


def down(stack: paths.Stack) -> int:
    with locked(stack):
        return emulator.stop(stack)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/local", description="starts and stops the local stack")
    parser.add_argument("verb", choices=("up", "down"))
    parser.add_argument("stack", nargs="?", default="dev", choices=paths.STACKS)
    parser.add_argument("--fresh", action="store_true")
    arguments = parser.parse_args()
    stack = paths.stack(arguments.stack)
    if arguments.verb == "up":
        found = up(stack, arguments.fresh)
        print(stack.exports.read_text(), end="")
        print(f"stack `{stack.name}` is running at {found.endpoint}, process {found.pid}", file=sys.stderr)
    else:
        ended = down(stack)
        print(
            f"stack `{stack.name}`: {ended} process{'' if ended == 1 else 'es'} ended, state deleted", file=sys.stderr
        )


if __name__ == "__main__":
    main()
