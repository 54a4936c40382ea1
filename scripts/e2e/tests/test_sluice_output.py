"""The output of `sluice`: safe for terminals, and with an error when it cannot print or cannot work."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import uuid
import warnings
from pathlib import Path

import pytest

from ..deployment import Deployment
from ..ingest_events import object_created
from ..scenario import FOREVER, music
from ..sluice import Sluice, binary
from .ingest_steps import copy_and_reason, quarantine_keys_of, send_dead_letter, unique_name, upload_invalid
from .polling import eventually

HOSTILE = "a\x1b[2K\x1b[1Gfake\u202e\u009b"
HOSTILE_KEY = "a\u202efake\u009b2K\u200b"  # only characters that XML can represent

# The operating system's error for a write to /dev/full.
FULL_DISK = "No space left on device"


def harmless(text: str) -> bool:
    return not any((ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c == "\u202e" for c in text)


def test_output_has_no_control_characters(sluice: Sluice, deployment: Deployment, dead_letters: dict[str, str]) -> None:
    """Keys, file names, bucket names, dead letters and arguments are escaped, in text and in JSON."""
    name = unique_name()
    key = f"{name}/{HOSTILE_KEY}.json"
    upload_invalid(deployment, key, b"{")
    message = object_created(deployment, key, HOSTILE, 1)
    message["detail"]["bucket"]["name"] = f"elsewhere{HOSTILE}"
    send_dead_letter(deployment, dead_letters["events"], json.dumps(message))
    send_dead_letter(deployment, dead_letters["events"], f"not an event {HOSTILE_KEY}")
    sluice.write(f"in/{name}/{HOSTILE}.json", b"{")
    commands = [
        ["quarantine", "list", "--prefix", f"{name}/"],
        ["quarantine", "show", key],
        ["quarantine", "check", f"{key}.other"],
        ["quarantine", "release", f"{key}.other"],
        ["quarantine", "remove", key],
        ["redrive", "--queue", "events"],
        ["redrive", "--key-prefix", HOSTILE],
        ["reconcile", "--prefix", f"{name}/"],
        ["backfill", "--prefix", f"{name}/{HOSTILE}", "--list"],
        ["schema", "check", f"in/{name}"],
        ["schema", "check", HOSTILE],
        ["upload", HOSTILE],
        ["upload", f"in/{name}", "--prefix", HOSTILE],
        ["status", "--outputs", HOSTILE],
        ["ingest", "run-local", HOSTILE],
        [f"--{HOSTILE}\nfake line"],
        [HOSTILE],
    ]
    for command in commands:
        user = "uploader" if command[0] == "upload" else "operator"
        for format_ in ("text", "json"):
            completed = sluice(*command, "--format", format_, user=user)
            assert harmless(completed.out) and harmless(completed.err), (command, completed)
            assert "fake line" not in completed.err.splitlines()
            if format_ == "json":
                assert all(json.loads(line) for line in completed.out.splitlines()), command
    shown = sluice.run("redrive", "--queue", "events").out
    assert "s3://elsewhere" in shown
    deployment.client("sqs").purge_queue(QueueUrl=dead_letters["events"])
    sluice.run("quarantine", "remove", key, "--yes")


def run_into(sluice: Sluice, target: str, *arguments: str, user: str = "operator") -> tuple[int, str]:
    """Runs with standard output into a file; returns exit code and standard error."""
    with Path(target).open("w") as output:
        completed = subprocess.run(
            [str(binary()), *arguments],
            cwd=sluice.folder,
            env=sluice.environment(user),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
        )
    return completed.returncode, completed.stderr


def test_output_to_a_full_disk_is_an_error(sluice: Sluice, deployment: Deployment) -> None:
    """Output that cannot be written: exit code 2, or 1 if something was changed, and a message."""
    for arguments in (["status"], ["quarantine", "list"], ["--help"], ["reconcile", "--prefix", unique_name()]):
        code, error = run_into(sluice, "/dev/full", *arguments)
        assert code == 2 and FULL_DISK in error, (arguments, error)
    sluice.write("event.json", json.dumps(object_created(deployment, "gone.json", str(uuid.uuid4()), 1)).encode())
    code, error = run_into(sluice, "/dev/full", "ingest", "run-local", "event.json", user="deployer")
    assert code in (1, 2) and FULL_DISK in error and "panicked" not in error
    name = unique_name()
    sluice.write(f"{name}.json", music(name, "TRACK#1"))
    code, error = run_into(sluice, "/dev/full", "upload", f"{name}.json", user="uploader")
    assert code == 1 and FULL_DISK in error
    assert deployment.client("s3").head_object(Bucket=deployment.ingest.processing, Key=f"{name}.json")


def test_a_closed_pipe_does_not_stop_an_upload(sluice: Sluice, deployment: Deployment) -> None:
    name = unique_name()
    for number in range(30):
        sluice.write(f"in/{name}/{number}.json", music(name, f"TRACK#{number}"))
    process = sluice.start("upload", "in", user="uploader")
    assert process.stdout and process.stderr
    process.stdout.close()
    error = process.stderr.read()
    assert (process.wait(timeout=120), error) == (0, "")
    listed = deployment.client("s3").list_object_versions(Bucket=deployment.ingest.processing, Prefix=f"{name}/")
    assert len(listed["Versions"]) == 30


def test_all_files_are_checked_before_the_first_is_uploaded(sluice: Sluice, deployment: Deployment) -> None:
    """Exit code 2 for a pipe, a device, a large file, a broken link or a key used twice; 1 for an empty folder."""
    name = unique_name()
    good = sluice.write(f"{name}/good.json", music(name, "TRACK#1"))
    os.mkfifo(sluice.folder / "pipe.json")
    (sluice.folder / "empty").mkdir()
    (sluice.folder / "device.json").symlink_to("/dev/null")
    (sluice.folder / "nowhere.json").symlink_to("missing")
    with (sluice.folder / "large.json").open("wb") as file:
        file.truncate(deployment.ingest.max_object_bytes + 1)
    twin = sluice.write(f"twin/{good.name}", b"{}")
    for paths, named in (
        (["pipe.json"], "pipe"),
        (["device.json"], "device"),
        (["large.json"], str(deployment.ingest.max_object_bytes)),
        (["nowhere.json"], "link"),
        ([str(twin)], f"`{good.name}`"),
        (["-"], "input"),
    ):
        completed = sluice("upload", str(good), *paths, user="uploader")
        assert completed.code == 2 and named in completed.err, (paths, completed)
    listed = deployment.client("s3").list_object_versions(Bucket=deployment.ingest.processing, Prefix="good.json")
    assert not listed.get("Versions"), "a file was uploaded"
    empty = sluice("upload", "empty", "--format", "json", user="uploader")
    assert empty.code == 1 and empty.lines[-1]["uploaded"] == 0
    pipe = sluice("schema", "check", "pipe.json")
    assert pipe.code == 2 and "pipe" in pipe.err
    assert sluice("schema", "check", "empty").code == 1


def test_a_file_above_the_limit_is_not_read(sluice: Sluice) -> None:
    """The size of a sparse file of a terabyte is checked before it is read."""
    with (sluice.folder / "huge.json").open("wb") as file:
        file.truncate(1 << 40)
    completed = sluice("schema", "check", "huge.json")
    assert completed.code == 1 and "object-size" in completed.out


def test_filters_that_match_nothing(sluice: Sluice, deployment: Deployment, dead_letters: dict[str, str]) -> None:
    """Exit code 0, although other dead letters are left."""
    send_dead_letter(
        deployment, dead_letters["events"], json.dumps(object_created(deployment, "other.json", str(uuid.uuid4()), 1))
    )
    for arguments in ([], ["--yes"]):
        completed = sluice.run("redrive", "--key-prefix", unique_name(), *arguments, "--format", "json")
        assert completed.lines[-1] == {"chosen": 0, "sent": 0, "left": 1}
    deployment.client("sqs").purge_queue(QueueUrl=dead_letters["events"])
    for arguments in ([], ["--yes"], ["--missing"], ["--missing", "--yes"]):
        completed = sluice.run("backfill", "--prefix", unique_name(), *arguments, "--format", "json")
        assert (completed.lines[-1]["versions"], completed.lines[-1]["announced"]) == (0, 0)


def test_the_jq_example_in_the_help_works(sluice: Sluice, deployment: Deployment) -> None:
    """It handles every line, the summary and versions without a reason record included."""
    if not shutil.which("jq"):
        text = "NOT TESTED: jq is not installed, so the example in `quarantine list --help` was not run"
        warnings.warn(text, stacklevel=2)
        pytest.skip("jq is not installed")
    key = f"{unique_name()}.json"
    version = upload_invalid(deployment, key, music(key, "TRACK#1", Features={"L": ["bare"]}))
    deployment.client("s3").put_object(Bucket=deployment.ingest.quarantine, Key=f"{key}/half", Body=b"{")
    help_ = sluice.run("quarantine", "list", "--help").out
    [example] = [line.strip() for line in help_.splitlines() if "| jq" in line]
    command = example.replace("sluice ", f"{binary()} ", 1)
    completed = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=sluice.folder,
        env=sluice.environment("operator"),
        capture_output=True,
        text=True,
    )
    deployment.client("s3").delete_object(Bucket=deployment.ingest.quarantine, Key=f"{key}/half")
    assert completed.returncode == 0 and "/Features/L/0" in completed.stdout, completed
    deployment.client("s3").delete_object(Bucket=deployment.ingest.quarantine, Key=f"{key}/half")
    sluice.run("quarantine", "remove", key, "--version", version, "--yes")


def test_connection_errors_are_distinguished(sluice: Sluice) -> None:
    """An untrusted certificate, a refused connection, a name that does not exist."""
    untrusted = sluice("status", SSL_CERT_FILE=str(sluice.write("none.pem", other_ca())))
    assert untrusted.code == 2 and "certificate" in untrusted.err, untrusted.err
    refused = sluice("status", AWS_ENDPOINT_URL="https://127.0.0.1:9")
    assert refused.code == 2 and "refused" in refused.err, refused.err
    unknown = sluice("status", AWS_ENDPOINT_URL="https://no-such-host.invalid")
    assert unknown.code == 2 and "resolve" in unknown.err, unknown.err


def other_ca() -> bytes:
    """The certificates that the machine trusts, without the CA of the stack."""
    for path in ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"):
        if Path(path).is_file():
            return Path(path).read_bytes()
    raise AssertionError("no CA certificates at the usual paths of this machine")


def fake_terraform(sluice: Sluice, out: str, err: str, code: int) -> str:
    """A PATH with a `terraform` that prints this and exits with this code."""
    program = sluice.write("bin/terraform", b"#!/bin/sh\ncat out\ncat err >&2\nexit %d\n" % code)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    sluice.write("out", out.encode())
    sluice.write("err", err.encode())
    return f"{program.parent}:{os.environ['PATH']}"


def test_missing_terraform_outputs_are_explained(sluice: Sluice) -> None:
    """Not installed, no folder, not initialised, nothing applied, no state: each has its own message."""
    work = sluice.folder / "root"
    work.mkdir()

    def ask(**variables: str) -> str:
        environment = sluice.environment("operator") | variables
        del environment["SLUICE_OUTPUTS"]
        command = [str(binary()), "status", "--terraform", str(work)]
        completed = subprocess.run(command, cwd=sluice.folder, env=environment, capture_output=True, text=True)
        assert completed.returncode == 2 and harmless(completed.stderr)
        return completed.stderr

    messages = [ask(PATH="/nonexistent")]
    assert "`terraform`" in messages[0]
    coloured = "\x1b[31m╷\x1b[0m\n\x1b[31m│\x1b[0m Error: Backend initialization required\n"
    broken = fake_terraform(sluice, "", coloured, 1)
    messages.append(ask(PATH=broken))
    (work / ".terraform").mkdir()
    messages.append(ask(PATH=broken))
    empty = fake_terraform(sluice, "{}", "", 0)
    messages.append(ask(PATH=empty))
    (work / ".terraform").rmdir()
    messages.append(ask(PATH=empty))
    work.rmdir()
    messages.append(ask(PATH=empty))
    assert len(set(messages)) == 6 and all(str(work) in message for message in messages[1:]), messages


def test_a_killed_release_can_be_repeated_without_a_version(sluice: Sluice, deployment: Deployment) -> None:
    """Killed right after the copy, and the file is quarantined again: the same command completes, without --version."""
    key = f"{unique_name()}.json"
    first = upload_invalid(deployment, key, b"{")
    s3, ingest = deployment.client("s3"), deployment.ingest
    second = s3.copy_object(
        Bucket=ingest.processing,
        Key=key,
        CopySource={"Bucket": ingest.quarantine, "Key": f"{key}/{first}"},
        MetadataDirective="REPLACE",
        Metadata={"sluice-released-from": first},
    )["VersionId"]
    eventually(lambda: len(quarantine_keys_of(deployment, key)) == 4, "both versions in quarantine")
    released = sluice.run("quarantine", "release", key, "--format", "json").lines[0]
    assert (released["result"], released["version_id"]) == ("refused-again", second)
    assert quarantine_keys_of(deployment, key) == copy_and_reason(key, second)
    sluice.run("quarantine", "remove", key, "--yes")


def test_a_released_file_keeps_its_metadata(sluice: Sluice, deployment: Deployment) -> None:
    key, s3, ingest = f"{unique_name()}.json", deployment.client("s3"), deployment.ingest
    put_ = s3.put_object(
        Bucket=ingest.processing,
        Key=key,
        Body=b"{",
        ContentType="text/x-own",
        CacheControl="no-store",
        Metadata={"author": "me"},
    )
    first = put_["VersionId"]
    eventually(lambda: f"{key}/{first}.reason.json" in quarantine_keys_of(deployment, key), "reason record")
    eventually(
        lambda: not s3.list_object_versions(Bucket=ingest.processing, Prefix=key).get("Versions"),
        "deletion at the source",
    )
    second = sluice.run("quarantine", "release", key, "--format", "json").lines[0]["version_id"]
    eventually(lambda: f"{key}/{second}.reason.json" in quarantine_keys_of(deployment, key), "second reason record")
    head = s3.head_object(Bucket=ingest.quarantine, Key=f"{key}/{second}")
    assert head["Metadata"] == {"author": "me", "sluice-released-from": first}
    assert (head["ContentType"], head["CacheControl"]) == ("text/x-own", "no-store")


def test_a_missing_bucket_is_not_reported_as_denied(sluice: Sluice, deployment: Deployment) -> None:
    """The outputs belong to another deployment."""
    outputs = json.loads(sluice.outputs.read_text())
    outputs["ingest"]["value"] |= {"quarantine_bucket": f"{unique_name()}-not-there"}
    sluice.write("other.json", json.dumps(outputs).encode())
    gone = sluice("quarantine", "list", "--outputs", "other.json", "--as", "caller", user="deployer")
    assert gone.code == 2 and "NoSuchBucket" in gone.err and not gone.denied, gone.err


def test_a_path_given_twice_is_one_file(sluice: Sluice) -> None:
    path = sluice.write(f"{unique_name()}.json", FOREVER)
    completed = sluice.run("upload", str(path), str(path), "--format", "json", user="uploader")
    assert completed.lines[-1]["uploaded"] + completed.lines[-1]["present"] == 1
