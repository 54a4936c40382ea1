"""`sluice upload`, and what every command says when it cannot work."""

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


def test_messages_of_the_first_tool(sluice: Sluice, deployment: Deployment) -> None:
    """003.21, 003.22: key is the base name; the words are the first tool's; the uploader's role is assumed."""
    name = f"{unique_name()}.json"
    path = sluice.write(f"folder/{name}", music(name, "TRACK#1"))
    completed = sluice.run("upload", str(path), user="uploader")
    place = f"s3://{deployment.ingest.processing}/{name}"
    assert completed.out.splitlines()[0] == f"Successfully uploaded {path} to {place}"
    assert deployment.client("s3").head_object(Bucket=deployment.ingest.processing, Key=name)

    missing = sluice("upload", "nowhere.json", user="uploader")
    assert (missing.code, missing.err.strip()) == (2, "File not found: nowhere.json")
    text = sluice.write("notes.txt", b"")
    other = sluice("upload", str(path), str(text), user="uploader")
    assert other.code == 2 and other.err.startswith(f"Path {text} does not produce a JSON file. Its name has to end in")


def test_a_folder_keeps_its_paths_and_is_skipped_the_second_time(sluice: Sluice, deployment: Deployment) -> None:
    """003.21: a folder's files keep their relative paths; what is there with the same bytes is said and skipped."""
    name = unique_name()
    keys = [f"{name}/a.json", f"{name}/deep/b c+ü.json"]
    for key in keys:
        sluice.write(f"in/{key}", music(name, f"TRACK#{key}"))
    sluice.write(f"in/{name}/readme.txt", b"left out")
    sluice.run("upload", "in", user="uploader")
    again = sluice.run("upload", "in", "--format", "json", user="uploader")
    assert again.lines[-1] == {"uploaded": 0, "present": 2, "failed": 0, "interrupted": False}
    assert {line["result"] for line in again.lines[:-1]} == {"present"}
    found = versions(deployment, f"{name}/")
    assert {key: len(ids) for key, ids in found.items()} == dict.fromkeys(keys, 1)

    sluice.write(f"in/{keys[0]}", music(name, "TRACK#corrected"))
    changed = sluice.run("upload", "in", "--format", "json", user="uploader")
    assert (changed.lines[-1]["uploaded"], changed.lines[-1]["present"]) == (1, 1)


def test_killed_it_goes_on(sluice: Sluice, deployment: Deployment) -> None:
    """Killed (SIGKILL) at several moments, the next run sends what is missing; nothing is sent twice."""
    name, count = unique_name(), 240
    for number in range(count):
        sluice.write(f"in/{name}/{number:04}.json", music(name, f"TRACK#{number}"))
    sluice.write(f"pace/{unique_name()}.json", FOREVER)
    start_up = duration_s(sluice.run, "upload", "pace", user="uploader")
    killed = sum(sluice.kill_after(start_up + more, "upload", "in", user="uploader") for more in (0.05, 0.15, 0.3))
    assert killed, "the upload was too quick to be killed"
    sluice.run("upload", "in", user="uploader")
    found = versions(deployment, f"{name}/")
    assert len(found) == count
    assert all(len(ids) == 1 for ids in found.values())


def test_large_files_go_in_parts(sluice: Sluice, deployment: Deployment) -> None:
    """A large file arrives whole, and is known again by its checksum."""
    name = unique_name()
    body = os.urandom(9 * MIB)
    sluice.write(f"in/{name}.json", body)
    refused = sluice("upload", "in", user="uploader")
    assert refused.code == 2 and f"at most {deployment.ingest.max_object_bytes}" in refused.err
    sluice.run("upload", "in", *allow_large_files(sluice), user="uploader")
    s3, bucket = deployment.client("s3"), deployment.ingest.processing
    found = versions(deployment, f"{name}.json")
    version = found[f"{name}.json"][0] if found else None
    if version:
        assert s3.get_object(Bucket=bucket, Key=f"{name}.json", VersionId=version)["Body"].read() == body
    else:
        place = f"{name}.json/"
        copies = deployment.client("s3").list_objects_v2(Bucket=deployment.ingest.quarantine, Prefix=place)["Contents"]
        copy = next(entry["Key"] for entry in copies if not entry["Key"].endswith(".reason.json"))
        assert s3.get_object(Bucket=deployment.ingest.quarantine, Key=copy)["Body"].read() == body


def test_interrupted_it_leaves_no_parts(sluice: Sluice, deployment: Deployment) -> None:
    """Ctrl-C gives up the parts that were sent, says so and says how to go on."""
    key = f"{unique_name()}.json"
    code, told = interrupt_upload(sluice, deployment, key)
    assert code == 1 and "interrupted, run it again to go on" in told
    assert pending_uploads(deployment, key) == []


def test_what_cannot_be_done_is_said_with_what_to_do(sluice: Sluice) -> None:
    """No credentials, a role of others, no outputs, nothing that answers, a bucket that is gone: exit 2, and advice."""
    path = str(sluice.write(f"{unique_name()}.json", FOREVER))
    nobody = sluice(
        "upload", path, user="uploader", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", HOME="/nonexistent"
    )
    assert nobody.code == 2 and "sign in (`aws sso login`)" in nobody.err
    stale = sluice("upload", path, user="uploader", AWS_ACCESS_KEY_ID="AKIAUNKNOWN000000000")
    assert stale.code == 2 and "sign in again" in stale.err, stale.err
    wrong = sluice("upload", path, user="operator")
    assert wrong.code == 2 and "`ingest.uploader_principals`" in wrong.err
    lost = sluice("upload", path, "--outputs", "nowhere.json", user="uploader")
    assert lost.code == 2 and "terraform -chdir=terraform output -json" in lost.err
    started = time.monotonic()
    silent = sluice("upload", path, user="uploader", AWS_ENDPOINT_URL="https://127.0.0.1:9")
    assert silent.code == 2 and "the connection was refused" in silent.err and "AWS_ENDPOINT_URL" in silent.err
    assert time.monotonic() - started < 60

    outputs = json.loads(sluice.outputs.read_text())
    outputs["ingest"]["value"] |= {"processing_bucket": "not-there", "quarantine_bucket": "not-there"}
    sluice.write("other.json", json.dumps(outputs).encode())
    gone = sluice("quarantine", "list", "--outputs", "other.json")
    assert gone.code == 2 and ("bucket does not exist" in gone.err or "the role may not" in gone.err), gone.err
    as_json = sluice("quarantine", "list", "--outputs", "nowhere.json", "--format", "json")
    assert as_json.code == 2 and "error" in as_json.lines[0]


def test_usage_is_exit_2(sluice: Sluice) -> None:
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
    """003.25: parameters, environment and an example at every command."""
    text = sluice.run(*command.split(), "--help").out
    assert "Example:" in text and f"sluice {command.split()[0]}" in text


def test_the_uploader_cannot_be_talked_into_more(sluice: Sluice, deployment: Deployment) -> None:
    """003.22: the tool has the role's rights and no more."""
    refused = sluice("quarantine", "list", "--as", "uploader", user="uploader")
    assert refused.code == 2 and "the role may not" in refused.err
    with pytest.raises(ClientError):
        deployment.client("s3", "uploader").list_objects_v2(Bucket=deployment.ingest.processing)
