"""Provenance on the main stack: receipts are written, the ledger signs them, and tampering is found."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from .. import evidence, readback
from ..deployment import Deployment
from ..evidence import ObjectVersion
from ..paths import ROOT
from ..scenario_run import Played
from ..sluice import Sluice
from . import tool_setup
from .ingest_steps import quarantine_after_receipt
from .polling import eventually
from .stacks.main import UploadedFiles

PAGE = ROOT / "docs" / "provenance.md"


@pytest.fixture(scope="module")
def manifest(deployment: Deployment, uploaded: UploadedFiles) -> dict:
    """The ledger's answer when a manifest covers all uploaded files."""
    return evidence.write_manifest(deployment, uploaded.recorded_at)


@pytest.fixture(scope="module")
def downloaded(deployment: Deployment, manifest: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the receipts bucket, as `aws s3 sync` makes it, and with the public key."""
    folder = tmp_path_factory.mktemp("evidence")
    s3 = deployment.client("s3", "provenance-auditor")
    for key in evidence.keys(deployment, ""):
        path = folder / "copy" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(s3.get_object(Bucket=deployment.provenance.receipts, Key=key)["Body"].read())
    (folder / "ledger.pem").write_text(deployment.provenance.public_key_pem)
    return folder


@dataclass(frozen=True)
class Operations:
    """Versions that an operator removed and released, and one whose copy was deleted without a record."""

    prefix: str
    removed: ObjectVersion
    released: ObjectVersion
    deleted: ObjectVersion
    recorded_at: float


@pytest.fixture(scope="module")
def operations(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Operations:
    sluice = tool_setup.install(deployment, tmp_path_factory.mktemp("operator"))
    s3, prefix = deployment.client("s3"), f"record-{time.time_ns()}"
    removed, released, deleted = (
        quarantine_after_receipt(deployment, f"{prefix}-{name}.json", b"not JSON: " + name.encode())
        for name in ("removed", "released", "deleted")
    )
    sluice.run("quarantine", "remove", removed.key, "--yes", "--reason", "remove it", user="operator")
    sluice.run("quarantine", "release", released.key, "--reason", "release it", user="operator")
    for found in s3.list_object_versions(Bucket=deployment.ingest.quarantine, Prefix=deleted.key)["Versions"]:
        s3.delete_object(Bucket=deployment.ingest.quarantine, Key=found["Key"], VersionId=found["VersionId"])
    return Operations(prefix, removed, released, deleted, time.monotonic())


def check_operations(deployment: Deployment, operations: Operations, sluice: Sluice) -> None:
    """`verify` lists who removed and released what, when and why; only the deletion without a record is a finding."""
    target = f"s3://{deployment.ingest.processing}/{operations.prefix}"
    completed = sluice("verify", target, "--unproven-ok", "--format", "json", user="auditor")
    lines = {line["key"]: line for line in completed.lines if "operation" in line}
    for version, action in ((operations.removed, "remove"), (operations.released, "release")):
        line = lines[version.key]
        assert (line["operation"], line["reason"]) == (action, f"{action} it"), line
        assert line["version_id"] == version.version_id and ":user/operator" in line["by"], line
    assert lines[operations.released.key]["new_version_id"], lines
    assert operations.deleted.key not in lines
    findings = [line for line in completed.lines if "finding" in line]
    assert {finding["key"] for finding in findings} <= {operations.deleted.key}, findings


def test_operations_are_listed_before_a_manifest(
    deployment: Deployment, operations: Operations, sluice: Sluice
) -> None:
    check_operations(deployment, operations, sluice)
    assert len(evidence.keys(deployment, f"operator/{deployment.ingest.processing}/{operations.prefix}")) == 2


@pytest.mark.parametrize("key", evidence.FILES)
def test_each_version_has_its_receipt(key: str, deployment: Deployment, uploaded: UploadedFiles) -> None:
    """The receipt has the version's hash, size, id and times, without nesting; its key mirrors the source key."""
    version = next(one for one in uploaded.versions if one.key == key)
    found = evidence.receipt(deployment, version)
    assert found
    head = deployment.client("s3").head_object(Bucket=version.bucket, Key=key, VersionId=version.version_id)
    expected = {
        "state": "hashed",
        "bucket": version.bucket,
        "key": key,
        "version_id": version.version_id,
        "size": len(version.body),
        "sha256": hashlib.sha256(version.body).hexdigest(),
        "etag": head["ETag"].strip('"'),
    }
    assert {name: found.get(name) for name in expected} == expected
    assert not [name for name, value in found.items() if isinstance(value, dict | list)]
    assert found["last_modified"] and found["recorded_at"] >= found["last_modified"]


def test_files_of_the_ingest_have_receipts_too(deployment: Deployment, played: Played) -> None:
    """With both systems deployed, the ingest's files are recorded too, whatever their outcome."""
    for result in played.results:
        step, version_id = result.arrival.step, result.arrival.version_id
        if step.action != "upload" or step.outcome == "skipped":
            continue
        version = ObjectVersion(deployment.ingest.processing, step.key, version_id, step.body)
        present = readback.version_exists(deployment, step.key, version_id)
        if present:
            eventually(lambda version=version: evidence.receipt(deployment, version) is not None, step.title)
            found = evidence.receipt(deployment, version)
            assert found, step.title
            if step.outcome == "unreadable":
                assert found["state"] == "unreadable" and found["reason"], step.title
            else:
                assert found["sha256"] == hashlib.sha256(step.body).hexdigest(), step.title


def test_receipts_have_no_receipts(deployment: Deployment, manifest: dict) -> None:
    """Neither receipts, journal entries and manifests nor folder markers get receipts."""
    deployment.client("s3").put_object(Bucket=deployment.provenance.data, Key="incoming/folder/", Body=b"")
    for key in evidence.keys(deployment, "provenance/"):
        source = key.removeprefix("provenance/").partition("/")[2]
        assert not source.startswith(("provenance/", "journal/", "ledger/", "incoming/folder//")), key


def test_verify_has_no_findings(deployment: Deployment, manifest: dict, sluice: Sluice) -> None:
    """Objects, receipts, manifests and signatures agree; the output has the head of the ledger."""
    completed = sluice("verify", f"s3://{deployment.provenance.data}/", "--format", "json", user="auditor")
    assert completed.code == 0, completed.out + completed.err
    assert re.fullmatch(r"\d+:[0-9a-f]{64}", completed.lines[-1]["head"])


def test_versions_moved_to_quarantine_are_not_missing(
    deployment: Deployment, manifest: dict, played: Played, sluice: Sluice
) -> None:
    """The bytes of these versions are in quarantine; only the version that its owner deleted is missing."""
    completed = sluice("verify", "--format", "json", user="auditor")
    of_scenario = {one.arrival.version_id for one in played.results}
    missing = {line["version_id"] for line in completed.lines if "finding" in line} & of_scenario
    assert missing == {
        one.arrival.version_id for one in played.results if one.arrival.step.action == "delete-and-redeliver"
    }, completed.out
    moved = [one for one in played.results if one.arrival.step.outcome in ("invalid", "conflict")]
    # A version that was moved before its version-id was known is recorded as gone: the events have no version-id.
    counts = completed.lines[-1]
    counted = counts["moved_to_quarantine"] + counts["gone"] + counts["gone_unproven"]
    assert counted >= len(moved) and completed.code == 1, counts
    kinds = ("recorded", "young", "unrecorded", "deferred", "unreadable", "unchecked")
    assert counts["versions"] == sum(counts[kind] for kind in kinds), counts
    unreadable = {line["key"] for line in completed.lines if line.get("unreadable") is True}
    assert unreadable >= {one.arrival.step.key for one in played.results if one.arrival.step.outcome == "unreadable"}


def listed(downloaded: Path) -> list[str]:
    """The keys of the records that the manifests list; later ones are pending."""
    manifests = (downloaded / "copy" / "ledger").rglob("*.json")
    statements = [json.loads(base64.b64decode(json.loads(path.read_text())["payload"])) for path in manifests]
    return [subject["name"] for statement in statements for subject in statement["subject"]]


def test_verify_offline_without_an_account(downloaded: Path, sluice: Sluice) -> None:
    """From the downloaded receipts, manifests and the public key only."""
    command = ["verify", "--offline", str(downloaded / "copy"), "--public-key", str(downloaded / "ledger.pem")]
    completed = sluice(*command, user="auditor", AWS_ENDPOINT_URL="http://127.0.0.1:1", SLUICE_OUTPUTS="/nonexistent")
    assert completed.code == 0, completed.out + completed.err
    name = next(downloaded / "copy" / key for key in listed(downloaded) if key.startswith("provenance/"))
    name.write_bytes(name.read_bytes().replace(b'"size":', b'"size":1'))
    completed = sluice(*command, user="auditor", AWS_ENDPOINT_URL="http://127.0.0.1:1", SLUICE_OUTPUTS="/nonexistent")
    name.write_bytes(name.read_bytes().replace(b'"size":1', b'"size":'))
    assert completed.code == 1 and "receipt-changed" in completed.out + completed.err, completed.out + completed.err


def test_verify_with_standard_tools(downloaded: Path) -> None:
    """The commands in docs/provenance.md, with openssl, jq and sha256sum, verify every manifest."""
    missing = [tool for tool in ("openssl", "jq", "sha256sum") if shutil.which(tool) is None]
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"missing: {', '.join(missing)}")
    block = next(text for text in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL) if "openssl" in text)
    for manifest in sorted((downloaded / "copy" / "ledger").iterdir()):
        script = block.replace("ledger/000000000001.json", f"ledger/{manifest.name}").replace(
            "ledger.pem", "../ledger.pem"
        )
        completed = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=downloaded / "copy", capture_output=True, text=True
        )
        assert completed.returncode == 0 and "Verified OK" in completed.stdout, (
            script + completed.stdout + completed.stderr
        )


def test_the_auditor_can_download_the_whole_bucket(
    deployment: Deployment, manifest: dict, sluice: Sluice, tmp_path: Path
) -> None:
    """`aws s3 sync` lists with an empty prefix; its copy verifies without an account."""
    names, s3 = deployment.provenance, deployment.client("s3", "provenance-auditor")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=names.receipts, Prefix="")
    found = [entry["Key"] for page in pages for entry in page["Contents"]]
    assert {key.partition("/")[0] for key in found} >= {"provenance", "journal", "ledger"}
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=names.receipts, Prefix="elsewhere/")
    for key in found:
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(s3.get_object(Bucket=names.receipts, Key=key)["Body"].read())
    key = sluice.write("ledger.pem", names.public_key_pem.encode())
    completed = sluice("verify", "--offline", str(tmp_path), "--public-key", str(key), SLUICE_OUTPUTS="/nonexistent")
    assert completed.code == 0, completed.out + completed.err


def test_receipts_of_hostile_keys_can_be_downloaded_as_files(
    deployment: Deployment, uploaded: UploadedFiles, tmp_path: Path
) -> None:
    """A key part above 255 bytes, and a key that looks like the receipt of another: each receipt becomes a file."""
    first = evidence.put(deployment, "incoming/X", b"1")
    keys = [f"incoming/X/{first.version_id}.json", f"incoming/{'y' * 300}", "incoming/\x01\x1f.json"]
    versions = [first, *(evidence.put(deployment, key, key.encode()) for key in keys)]
    wanted = {(version.key, version.version_id) for version in versions}
    read = deployment.client("s3", "provenance-auditor")

    def copied() -> set[tuple[str, str]]:
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        pages = read.get_paginator("list_objects_v2").paginate(
            Bucket=deployment.provenance.receipts,
            Prefix=f"provenance/{deployment.provenance.data}/incoming/",
        )
        for key in [entry["Key"] for page in pages for entry in page.get("Contents", [])]:
            path = tmp_path / "copy" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(read.get_object(Bucket=deployment.provenance.receipts, Key=key)["Body"].read())
        files = [json.loads(path.read_text()) for path in (tmp_path / "copy").rglob("*.json") if path.is_file()]
        return {(file["key"], file["version_id"]) for file in files}

    eventually(lambda: wanted <= copied(), "receipt of each key as a file")


def test_operations_are_listed_after_a_manifest(deployment: Deployment, operations: Operations, sluice: Sluice) -> None:
    evidence.write_manifest(deployment, operations.recorded_at)
    check_operations(deployment, operations, sluice)
    target = f"s3://{deployment.ingest.processing}/{operations.prefix}"
    text = sluice("verify", target, "--unproven-ok", user="auditor").out
    assert text.count(":user/operator") >= 2, text


def test_tampering_is_found(deployment: Deployment, uploaded: UploadedFiles, manifest: dict, sluice: Sluice) -> None:
    """A receipt replaced, removed and forged, a version deleted, one written without an event: five findings."""
    data = f"s3://{deployment.provenance.data}/"
    before = sluice("verify", data, "--format", "json", "--grace", "0", user="auditor")
    assert before.code == 0, before.out + before.err
    done = evidence.tamper(deployment, uploaded.versions)
    completed = sluice("verify", data, "--format", "json", "--grace", "0", user="auditor")
    findings = [line for line in completed.lines if "finding" in line]
    assert evidence.difference(done, findings) == [], json.dumps(findings, indent=1)
    assert completed.code == 1
    text = sluice("verify", data, "--grace", "0", user="auditor")
    assert text.code == 1 and all(one.names in text.out + text.err for one in done), text.out


def test_a_forged_receipt_with_a_signed_manifest_is_found(
    deployment: Deployment, manifest: dict, sluice: Sluice
) -> None:
    """Receipt and journal entry are forged, and the ledger has signed them, but neither S3 nor the trail confirms them.

    Where no trail covers the time, a forged `gone` receipt is listed as unproven, and the exit code is 1.
    """
    prefix = f"incoming/forged-{time.time_ns()}/"
    then = time.time() - 86_400 * (2 + time.time_ns() % 300)  # a day without log files
    happened = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(then))
    body = b"never sent\n"
    digest = hashlib.sha256(body).hexdigest()
    gone = evidence.forge(deployment, f"{prefix}gone.csv", state="gone", event_time=happened)
    hashed = evidence.forge(
        deployment, f"{prefix}hashed.csv", state="hashed", event_time=happened, size=len(body), sha256=digest
    )
    file = sluice.write("never-sent.csv", body)

    def arrival() -> tuple[int, list[object]]:
        """Exit code, and whether the file has arrived: null for a receipt that nothing confirms."""
        completed = sluice("verify", "--file", str(file), "--format", "json", user="auditor")
        return completed.code, [line["arrived"] for line in completed.lines if "arrived" in line]

    assert arrival() == (1, [None])
    evidence.write_manifest(deployment)

    def findings(*more: str) -> tuple[int, set[tuple[str, str]], list[dict]]:
        completed = sluice("verify", prefix, "--format", "json", *more, user="auditor")
        return (
            completed.code,
            {(line["finding"], line["key"]) for line in completed.lines if "finding" in line},
            completed.lines,
        )

    code, found, lines = findings()
    assert (code, found) == (1, {("version-missing", hashed.key)}), lines
    assert [line["key"] for line in lines if line.get("unproven") is True] == [gone.key], lines
    assert findings("--unproven-ok", "--removed-ok")[0] == 0
    assert arrival() == (1, [None])
    # The trail covers the time and has no such creation.
    evidence.deliver_log(deployment, then)
    code, found, lines = findings("--unproven-ok", "--removed-ok")
    assert (code, found) == (1, {("receipt-unproven", hashed.key), ("receipt-unproven", gone.key)}), lines
    # The trail has both creations: the hashed version is missing, and the gone one is confirmed.
    evidence.deliver_log(deployment, then, gone, hashed)
    code, found, lines = findings()
    assert (code, found, lines[-1]["gone"]) == (1, {("version-missing", hashed.key)}, 1), lines
