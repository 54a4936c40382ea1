"""`sluice upload`, and the errors of every command that cannot work."""

from __future__ import annotations

import json
import os
import time

import pytest
from botocore.exceptions import ClientError

from ..deployment import Deployment
from ..scenario import FOREVER, music
from ..sluice import Sluice, duration_s
from .ingest_steps import unique_name
from .upload_steps import MIB, allow_large_files, interrupt_upload, pending_uploads


def versions(deployment: Deployment, prefix: str) -> dict[str, list[str]]:
    """The versions under a prefix, by key."""
    pages = (
        deployment.client("s3")
        .get_paginator("list_object_versions")
        .paginate(Bucket=deployment.ingest.processing, Prefix=prefix)
    )
    found: dict[str, list[str]] = {}
    for page in pages:
        for version in page.get("Versions", []):
            found.setdefault(version["Key"], []).append(version["VersionId"])
    return found


def test_upload_has_the_messages_of_the_first_tool(sluice: Sluice, deployment: Deployment) -> None:
    """The key is the base name; the uploader role is assumed."""
    name = f"{unique_name()}.json"
    path = sluice.write(f"folder/{name}", music(name, "TRACK#1"))
    completed = sluice.run("upload", str(path), user="uploader")
    target = f"s3://{deployment.ingest.processing}/{name}"
    assert completed.out.splitlines()[0] == f"Successfully uploaded {path} to {target}"
    assert deployment.client("s3").head_object(Bucket=deployment.ingest.processing, Key=name)

    missing = sluice("upload", "nowhere.json", user="uploader")
    lines = ["File not found: nowhere.json", "Path nowhere.json does not produce a JSON file."]
    assert (missing.code, missing.err.split("\n")[:2]) == (2, lines)
    text = sluice.write("notes.txt", b"")
    other = sluice("upload", str(path), str(text), user="uploader")
    assert other.code == 2 and other.err.startswith(f"Path {text} does not produce a JSON file.")


def test_a_folder_keeps_its_paths_and_unchanged_files_are_skipped(sluice: Sluice, deployment: Deployment) -> None:
    """The keys of a folder's files are their relative paths; files whose bytes are already uploaded are skipped."""
    name = unique_name()
    keys = [f"{name}/a.json", f"{name}/deep/b c+ü.json"]
    for key in keys:
        sluice.write(f"in/{key}", music(name, f"TRACK#{key}"))
    sluice.write(f"in/{name}/readme.txt", b"not uploaded")
    sluice.run("upload", "in", user="uploader")
    again = sluice.run("upload", "in", "--format", "json", user="uploader")
    assert again.lines[-1] == {"uploaded": 0, "present": 2, "failed": 0, "interrupted": False}
    assert {line["result"] for line in again.lines[:-1]} == {"present"}
    found = versions(deployment, f"{name}/")
    assert {key: len(ids) for key, ids in found.items()} == dict.fromkeys(keys, 1)

    sluice.write(f"in/{keys[0]}", music(name, "TRACK#corrected"))
    changed = sluice.run("upload", "in", "--format", "json", user="uploader")
    assert (changed.lines[-1]["uploaded"], changed.lines[-1]["present"]) == (1, 1)


def test_a_killed_upload_is_resumed(sluice: Sluice, deployment: Deployment) -> None:
    """Killed (SIGKILL) at several times, the next run uploads the missing files; no file is uploaded twice."""
    name, count = unique_name(), 240
    for number in range(count):
        sluice.write(f"in/{name}/{number:04}.json", music(name, f"TRACK#{number}"))
    sluice.write(f"pace/{unique_name()}.json", FOREVER)
    start_up = duration_s(sluice.run, "upload", "pace", user="uploader")
    killed = sum(sluice.kill_after(start_up + more, "upload", "in", user="uploader") for more in (0.05, 0.15, 0.3))
    assert killed, "the upload completed before it could be killed"
    sluice.run("upload", "in", user="uploader")
    found = versions(deployment, f"{name}/")
    assert len(found) == count
    assert all(len(ids) == 1 for ids in found.values())


def test_large_files_are_uploaded_in_parts(sluice: Sluice, deployment: Deployment) -> None:
    """A large file arrives complete."""
    name = unique_name()
    body = os.urandom(9 * MIB)
    sluice.write(f"in/{name}.json", body)
    refused = sluice("upload", "in", user="uploader")
    assert refused.code == 2 and str(deployment.ingest.max_object_bytes) in refused.err
    sluice.run("upload", "in", *allow_large_files(sluice), user="uploader")
    s3, bucket = deployment.client("s3"), deployment.ingest.processing
    found = versions(deployment, f"{name}.json")
    version = found[f"{name}.json"][0] if found else None
    if version:
        assert s3.get_object(Bucket=bucket, Key=f"{name}.json", VersionId=version)["Body"].read() == body
    else:
        prefix = f"{name}.json/"
        copies = s3.list_objects_v2(Bucket=deployment.ingest.quarantine, Prefix=prefix)["Contents"]
        copy = next(entry["Key"] for entry in copies if not entry["Key"].endswith(".reason.json"))
        assert s3.get_object(Bucket=deployment.ingest.quarantine, Key=copy)["Body"].read() == body


def test_an_interrupted_upload_leaves_no_parts(sluice: Sluice, deployment: Deployment) -> None:
    """Ctrl-C aborts the multipart upload, and the exit code is 1."""
    key = f"{unique_name()}.json"
    interrupted = interrupt_upload(sluice, deployment, key)
    assert interrupted.code == 1 and not interrupted.denied, interrupted
    assert pending_uploads(deployment, key) == []


def test_errors_have_advice(sluice: Sluice) -> None:
    """No credentials, a role of other users, no outputs, no connection, a missing bucket: exit code 2, and advice."""
    path = str(sluice.write(f"{unique_name()}.json", FOREVER))
    anonymous = sluice(
        "upload", path, user="uploader", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", HOME="/nonexistent"
    )
    assert anonymous.code == 2 and "`aws sso login`" in anonymous.err
    stale = sluice("upload", path, user="uploader", AWS_ACCESS_KEY_ID="AKIAUNKNOWN000000000")
    assert stale.code == 2 and "sign in" in stale.err, stale.err
    wrong = sluice("upload", path, user="operator")
    assert wrong.code == 2 and "`ingest.uploader_principals`" in wrong.err
    lost = sluice("upload", path, "--outputs", "nowhere.json", user="uploader")
    assert lost.code == 2 and "terraform -chdir=terraform output -json" in lost.err
    started = time.monotonic()
    refused = sluice("upload", path, user="uploader", AWS_ENDPOINT_URL="https://127.0.0.1:9")
    assert refused.code == 2 and "AWS_ENDPOINT_URL" in refused.err
    assert time.monotonic() - started < 60

    outputs = json.loads(sluice.outputs.read_text())
    outputs["ingest"]["value"] |= {"processing_bucket": "not-there", "quarantine_bucket": "not-there"}
    sluice.write("other.json", json.dumps(outputs).encode())
    gone = sluice("quarantine", "list", "--outputs", "other.json")
    assert gone.code == 2 and ("NoSuchBucket" in gone.err or gone.denied), gone.err
    as_json = sluice("quarantine", "list", "--outputs", "nowhere.json", "--format", "json")
    assert as_json.code == 2 and "error" in as_json.lines[0]


def test_usage_errors_have_exit_code_2(sluice: Sluice) -> None:
    for arguments in (
        [],
        ["upload"],
        ["upload", "x", "--jobs", "0"],
        ["quarantine", "check"],
        ["redrive", "--queue", "x"],
    ):
        assert sluice(*arguments).code == 2


@pytest.mark.parametrize(
    "command",
    [
        "upload",
        "quarantine",
        "quarantine list",
        "quarantine release",
        "redrive",
        "backfill",
        "reconcile",
        "status",
        "bootstrap",
        "ingest run-local",
        "schema check",
    ],
)
def test_help_has_an_example(command: str, sluice: Sluice) -> None:
    """Every command has an example."""
    text = sluice.run(*command.split(), "--help").out
    assert "Example:" in text and f"sluice {command.split()[0]}" in text


def test_the_uploader_role_can_only_upload(sluice: Sluice, deployment: Deployment) -> None:
    """`sluice` has only the permissions of the role."""
    refused = sluice("quarantine", "list", "--as", "uploader", user="uploader")
    assert refused.code == 2 and refused.denied
    with pytest.raises(ClientError):
        deployment.client("s3", "uploader").list_objects_v2(Bucket=deployment.ingest.processing)
