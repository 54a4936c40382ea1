"""The local stack is isolated: its address, its environment, its processes, its files."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import SSLError

from .. import accounts, emulator, environment, local, paths, processes
from ..deployment import Deployment
from ..ingest_events import upload
from ..scenario import music
from .ingest_steps import unique_name, wait_for_item
from .polling import eventually


@pytest.fixture
def spare() -> Iterator[paths.Stack]:
    """A second stack next to the main one."""
    stack = paths.stack("spare")
    yield stack
    local.down(stack)


@pytest.fixture
def warm_function(deployment: Deployment) -> None:
    """A process of the ingest's function is running."""
    name = unique_name()
    upload(deployment, f"{name}.json", music(name, "TRACK#1"))
    wait_for_item(deployment, (name, "TRACK#1"))


def test_only_this_machine_can_connect(running: emulator.Emulator, stack: paths.Stack, warm_function: None) -> None:
    """The emulator and the functions that it runs only accept connections on 127.0.0.1."""
    for pid in processes.ours(running.pid, stack.folder):
        assert processes.listeners(pid) <= {"127.0.0.1"}
    assert processes.listeners(running.pid) == {"127.0.0.1"}


def test_it_requires_tls(running: emulator.Emulator) -> None:
    """Requests without TLS, or without the local CA, are refused."""
    with pytest.raises(OSError):
        urllib.request.urlopen(running.endpoint.replace("https", "http"), timeout=5)
    with pytest.raises(OSError):
        urllib.request.urlopen(running.endpoint, timeout=5, context=ssl.create_default_context(cafile=None))


def test_clients_close_idle_connections(running: emulator.Emulator) -> None:
    """The server must not close them: Hypercorn carries out a request that arrives while it closes the connection, but
    does not answer it, so the client repeats it. Clients in Go and Rust close idle connections after 90 s."""
    words = Path(f"/proc/{running.pid}/cmdline").read_bytes().decode().split("\0")
    assert int(words[words.index("--keep-alive") + 1]) > 90


def test_functions_do_not_inherit_the_users_environment(
    running: emulator.Emulator, stack: paths.Stack, warm_function: None
) -> None:
    """A function is a child process of the emulator and inherits only the emulator's short environment."""
    seen = 0
    for pid in processes.ours(running.pid, stack.folder):
        pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        names = {pair.partition("=")[0] for pair in pairs if pair}
        assert "SLUICE_E2E_MARKER" in os.environ and "SLUICE_E2E_MARKER" not in names
        home = next(pair for pair in pairs if pair.startswith("HOME="))
        assert home == f"HOME={stack.scratch}"
        seen += "AWS_LAMBDA_FUNCTION_NAME" in names
    assert seen, "no function is warm"


def test_up_is_idempotent_and_down_removes_everything(spare: paths.Stack) -> None:
    first = local.up(spare)
    assert local.up(spare) == first
    assert first.endpoint in spare.exports.read_text()
    assert local.down(spare) >= 1
    assert processes.ours(first.pid, spare.folder) == []
    assert sorted(entry.name for entry in spare.folder.iterdir()) == ["last", "lock"]


def test_a_killed_stack_is_replaced(spare: paths.Stack) -> None:
    """kill -9 runs no clean-up; the next `up` does it."""
    first = local.up(spare)
    os.kill(first.pid, signal.SIGKILL)
    eventually(lambda: not processes.ours(first.pid, spare.folder), "end of the killed emulator")
    second = local.up(spare)
    assert second.pid != first.pid
    assert emulator.running(spare) == second


def test_children_of_a_killed_process_are_ended(tmp_path: Path) -> None:
    """The children that a killed emulator leaves are recognised by their group and folder."""
    script = tmp_path / "child.py"
    script.write_text("import time\ntime.sleep(600)\n")
    parent = f"import subprocess, sys, time; subprocess.Popen([sys.executable, {str(script)!r}]); time.sleep(600)"
    group = processes.start([sys.executable, "-c", parent], dict(os.environ), tmp_path / "log", tmp_path)
    eventually(lambda: len(processes.ours(group, tmp_path)) == 2, "child process")
    os.kill(group, signal.SIGKILL)
    os.waitpid(group, 0)
    assert len(processes.ours(group, tmp_path)) == 1
    assert processes.end(group, tmp_path) == 1
    assert processes.ours(group, tmp_path) == []


def test_a_command_of_a_killed_run_is_ended(spare: paths.Stack, tmp_path: Path) -> None:
    """After kill -9 of a run during a Terraform command, `down` ends the command."""
    local.up(spare)
    script = spare.folder / "long.py"
    script.write_text("import time\ntime.sleep(600)\n")
    code = (
        "import os, sys; from pathlib import Path; from e2e import processes; "
        f"processes.run([sys.executable, {str(script)!r}], dict(os.environ), Path({str(spare.groups)!r}))"
    )
    env = os.environ | {"PYTHONPATH": str(paths.ROOT / "scripts")}
    killed = subprocess.Popen([sys.executable, "-c", code], env=env, cwd=tmp_path)
    eventually(lambda: spare.groups.exists() and bool(spare.groups.read_text()), "running command")
    killed.kill()
    killed.wait()
    group = int(spare.groups.read_text())
    eventually(lambda: len(processes.ours(group, spare.folder)) == 1, "command without its parent")
    local.down(spare)
    assert processes.ours(group, spare.folder) == []


def test_other_processes_are_not_ended(tmp_path: Path) -> None:
    """A recorded process id that the system has since given to another process."""
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    try:
        assert processes.end(other.pid, tmp_path) == 0
        time.sleep(0.2)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_stacks_are_independent(spare: paths.Stack, stack: paths.Stack, running: emulator.Emulator) -> None:
    """Two stacks on one machine have different ports, CAs and users."""
    other = local.up(spare)
    assert other.endpoint != running.endpoint
    keys = accounts.load(stack)["deployer"]
    assert keys != accounts.load(spare)["deployer"]
    with pytest.raises(SSLError):
        accounts.client("sts", stack, other, keys).get_caller_identity()


def test_the_printed_environment_reaches_the_stack_as_the_deployer(
    stack: paths.Stack, running: emulator.Emulator
) -> None:
    """`eval "$(scripts/local/up)"` overrides a profile and keys that the user has set."""
    user = {
        "AWS_PROFILE": "mine",
        "AWS_ACCESS_KEY_ID": "AKIAMINE",
        "AWS_SESSION_TOKEN": "mine",
        "PATH": os.environ["PATH"],
    }
    script = f'. "{stack.exports}"; env'
    lines = subprocess.run(
        ["bash", "-c", script], env=user, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    found = dict(line.partition("=")[::2] for line in lines)
    expected = environment.aws(stack, running, accounts.load(stack)["deployer"])
    assert {name: found.get(name) for name in expected} == expected
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & set(found)


def test_no_client_is_root(deployment: Deployment) -> None:
    """The emulator does not check permissions of the account root, so no client may be root."""
    for user in ("deployer", "uploader", "operator", "uploader-role", "operator-role"):
        arn = deployment.client("sts", user).get_caller_identity()["Arn"]
        assert ":root" not in arn and user.partition("-")[0] in arn
