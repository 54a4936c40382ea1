"""The emulator of one stack: on 127.0.0.1, with TLS, and without the user's environment."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

from . import certs, processes
from .paths import ROOT, Stack

# The emulator with corrections that the clients of AWS need.
PROGRAM = ROOT / "scripts" / "local" / "emulator.py"
# Seconds until an idle connection is closed: longer than any client keeps one (Go and Rust 90 s, boto3 as long as it
# runs), so that the client closes it. Hypercorn executes a request that arrives while it closes the connection, but
# does not answer; the SDK then repeats it, which can fail (`aws_kms_alias`: AlreadyExistsException).
KEEP_ALIVE_S = 24 * 3600
REGION = "eu-central-1"
ACCOUNT = "111122223333"


@dataclass(frozen=True)
class Emulator:
    pid: int
    endpoint: str
    started: float
    region: str = REGION
    account: str = ACCOUNT


def running(stack: Stack) -> Emulator | None:
    """The recorded emulator, if its process is ours and answers."""
    emulator = _recorded(stack)
    if emulator and emulator.pid in processes.ours(emulator.pid, stack.folder) and _healthy(stack, emulator.endpoint):
        return emulator
    return None


def start(stack: Stack) -> Emulator:
    """Starts a new emulator. The processes and files of an earlier one are removed first."""
    stop(stack)
    stack.scratch.mkdir(parents=True)
    stack.folder.chmod(0o700)
    certs.write(stack)
    for _ in range(3):
        emulator = _spawn(stack)
        if _wait(stack, emulator):
            _assert_private(stack, emulator)
            return emulator
        processes.end(emulator.pid, stack.folder)
    raise SystemExit(f"the emulator did not start, see its log {stack.log}:\n{_tail(stack.log)}")


def stop(stack: Stack) -> int:
    """Ends the recorded emulator with its children, and deletes all state except the logs; returns the number of ended
    processes."""
    emulator = _recorded(stack)
    groups = [int(line) for line in stack.groups.read_text().split()] if stack.groups.exists() else []
    ended = sum(processes.end(group, stack.folder) for group in [*groups, *([emulator.pid] if emulator else [])])
    stack.last.mkdir(parents=True, exist_ok=True)
    for log in (stack.log, stack.terraform_log):
        if log.exists():
            log.replace(stack.last / log.name)
    keep = (stack.folder / "lock", stack.last)
    for entry in stack.folder.iterdir():
        if entry in keep:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    return ended


def _spawn(stack: Stack) -> Emulator:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    endpoint = f"https://127.0.0.1:{port}"
    env = {
        # Lambdas are child processes and inherit this environment, so it has nothing from the user's.
        "PATH": os.defpath,
        "HOME": str(stack.scratch),
        "TMPDIR": str(stack.scratch),
        "LANG": "C.UTF-8",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "localhost",
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "AUTH": "true",
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(stack.certificate),
        "MINISTACK_SSL_KEY": str(stack.key),
        "SSL_CERT_FILE": str(stack.ca),
        "AWS_ENDPOINT_URL": endpoint,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        "STATE_DIR": str(stack.scratch / "state"),
        "S3_DATA_DIR": str(stack.scratch / "s3"),
        "LAMBDA_EXECUTOR": "local",
    }
    # The application is served directly: the emulator's own entry point would also listen on port 443.
    command = [sys.executable, str(PROGRAM), "ministack.app:app", "--bind", f"127.0.0.1:{port}"]
    command += ["--certfile", str(stack.certificate), "--keyfile", str(stack.key)]
    command += ["--keep-alive", str(KEEP_ALIVE_S), "--workers", "0"]
    # HTTP/1.1, like S3 and most endpoints of AWS: with many concurrent requests, the emulator is much slower over
    # HTTP/2. It does not wait for open requests when it ends, because its state is deleted.
    settings = stack.folder / "hypercorn.toml"
    settings.write_text('alpn_protocols = ["http/1.1"]\ngraceful_timeout = 0.1\n')
    command += ["--config", str(settings)]
    pid = processes.start(command, env, stack.log, stack.scratch)
    emulator = Emulator(pid=pid, endpoint=endpoint, started=time.time())
    stack.record.write_text(json.dumps(asdict(emulator), indent=2) + "\n")
    return emulator


def _recorded(stack: Stack) -> Emulator | None:
    try:
        return Emulator(**json.loads(stack.record.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _wait(stack: Stack, emulator: Emulator, timeout_s: float = 60.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if _healthy(stack, emulator.endpoint):
            return True
        if emulator.pid not in processes.ours(emulator.pid, stack.folder):
            return False
        time.sleep(0.1)
    return False


def _healthy(stack: Stack, endpoint: str) -> bool:
    try:
        context = ssl.create_default_context(cafile=str(stack.ca))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(f"{endpoint}/_ministack/health", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _assert_private(stack: Stack, emulator: Emulator) -> None:
    addresses = processes.listeners(emulator.pid)
    if addresses != {"127.0.0.1"}:
        processes.end(emulator.pid, stack.folder)
        raise SystemExit(f"the emulator listened on {sorted(addresses)} and was ended: only 127.0.0.1 is allowed")


def _tail(path: Path, lines: int = 20) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else "(no log)"
