"""Starts a process as the leader of its own group, recognises it later, and ends it with its children.

A process counts as ours only if its group is the recorded one *and* a command line in the group has the stack's state
folder: the system may have given a recorded process id to another process since.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path


def start(command: list[str], env: dict[str, str], log: Path, folder: Path) -> int:
    """Starts `command` in a session of its own with exactly `env`; returns the id of process and group."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return process.pid


def run(command: list[str], env: dict[str, str], groups: Path) -> subprocess.CompletedProcess[str]:
    """Runs `command` to its end in a group of its own, recorded in `groups`, so that it can be ended if this process is
    killed."""
    process = subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with groups.open("a") as notes:
        notes.write(f"{process.pid}\n")
    try:
        output, errors = process.communicate()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def ours(group: int, folder: Path) -> list[int]:
    """The running processes of `group`, if at least one of them has `folder` in its command line."""
    listing = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,pgid=,stat=,args="], capture_output=True, text=True, check=True
    ).stdout
    members, recognised = [], False
    for line in listing.splitlines():
        pid, pgid, state, command = (*line.split(None, 3), "")[:4]
        if int(pgid) == group and not state.startswith("Z"):
            members.append(int(pid))
            recognised |= f"{folder}{os.sep}" in command
    return members if recognised else []


def end(group: int, folder: Path, grace_s: float = 5.0) -> int:
    """Sends SIGTERM to the processes of the group, and SIGKILL after `grace_s`; returns how many were ended."""
    ended: set[int] = set()
    deadline = time.monotonic() + grace_s
    sent_sigterm = False
    while members := ours(group, folder):
        ended.update(members)
        number = signal.SIGKILL if time.monotonic() > deadline else signal.SIGTERM
        for pid in members:
            if number is signal.SIGTERM and sent_sigterm:
                continue
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        sent_sigterm = True
        time.sleep(0.1)
        if time.monotonic() > deadline + grace_s:
            raise SystemExit(f"could not end the processes {members}: end them manually")
    return len(ended)


def listeners(pid: int) -> set[str]:
    """The addresses (without port) on which `pid` accepts TCP connections."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            sockets.add(target[8:-1])
    addresses = set()
    for table in ("tcp", "tcp6"):
        path = Path(f"/proc/{pid}/net/{table}")
        for row in path.read_text().splitlines()[1:] if path.exists() else []:
            fields = row.split()
            if fields[3] == "0A" and fields[9] in sockets:
                address = bytes.fromhex(fields[1].rpartition(":")[0])
                dotted = ".".join(str(byte) for byte in address[::-1])
                addresses.add(dotted if table == "tcp" else f"v6 {address.hex()}")
    return addresses
