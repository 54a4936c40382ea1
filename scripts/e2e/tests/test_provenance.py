"""Provenance on the stack: receipts come to be, a ledger signs for them, and whoever tampers is found."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from .. import evidence, facts
from ..deployment import Deployment
from ..evidence import Version
from ..paths import ROOT
from ..run import Played, event
from ..sluice import Sluice
from .conftest import Arrived
from .sluice_tool import at_work
from .waiting import eventually

PAGE = ROOT / "docs" / "provenance.md"


@pytest.fixture(scope="module")
def sealed(deployment: Deployment, arrived: Arrived) -> dict:
    """What the ledger says when everything that has arrived is in a manifest."""
    return evidence.seal(deployment, arrived.at)


@pytest.fixture(scope="module")
def copy(deployment: Deployment, sealed: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The receipts bucket as a folder, as `aws s3 sync` makes it, and the public key beside it."""
    folder = tmp_path_factory.mktemp("evidence")
    s3 = deployment.client("s3", "provenance-auditor")
    for key in evidence.keys(deployment, ""):
        path = folder / "copy" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(s3.get_object(Bucket=deployment.provenance.receipts, Key=key)["Body"].read())
    (folder / "ledger.pem").write_text(deployment.provenance.public_key_pem)
    return folder


@pytest.fixture(scope="module")
def tool(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Sluice:
    return at_work(deployment, tmp_path_factory.mktemp("tool"))


@pytest.mark.parametrize("key", evidence.FILES)
def test_each_version_has_its_receipt(key: str, deployment: Deployment, arrived: Arrived) -> None:
    """001.9 to 001.11: hash, size, version and times of the version that arrived, in a mirrored place, flat."""
    version = next(one for one in arrived.versions if one.key == key)
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


def test_the_ingests_files_have_receipts_too(deployment: Deployment, played: Played) -> None:
    """The two systems run together: what arrives at the ingest is recorded as well, whatever became of it."""
    for outcome in played.outcomes:
        step, version_id = outcome.arrival.step, outcome.arrival.version_id
        if step.how != "upload" or step.end == "skipped":
            continue
        version = Version(deployment.ingest.processing, step.key, version_id, step.body)
        stays = facts.version_exists(deployment, step.key, version_id)
        if stays:
            eventually(lambda version=version: evidence.receipt(deployment, version) is not None, step.title)
            found = evidence.receipt(deployment, version)
            assert found, step.title
            if step.end == "unreadable":
                assert found["state"] == "unreadable" and found["reason"], step.title
            else:
                assert found["sha256"] == hashlib.sha256(step.body).hexdigest(), step.title


def test_no_receipt_of_a_receipt(deployment: Deployment, sealed: dict) -> None:
    """001.12: neither evidence nor folder markers get receipts."""
    deployment.client("s3").put_object(Bucket=deployment.provenance.data, Key="incoming/folder/", Body=b"")
    for key in evidence.keys(deployment, "provenance/"):
        source = key.removeprefix("provenance/").partition("/")[2]
        assert not source.startswith(("provenance/", "journal/", "ledger/", "incoming/folder//")), key


def test_everything_is_in_order(deployment: Deployment, sealed: dict, tool: Sluice) -> None:
    """Objects, receipts, manifests and signatures agree; the head of the ledger is named."""
    ran = tool("verify", f"s3://{deployment.provenance.data}/", "--format", "json", user="auditor")
    assert ran.code == 0, ran.out + ran.err
    assert re.fullmatch(r"\d+:[0-9a-f]{64}", ran.lines[-1]["head"])


def test_what_the_ingest_moved_is_not_missing(
    deployment: Deployment, sealed: dict, played: Played, tool: Sluice
) -> None:
    """The bytes of a refused version are in quarantine; only what its owner deleted is missing."""
    ran = tool("verify", "--format", "json", user="auditor")
    of_scenario = {one.arrival.version_id for one in played.outcomes}
    missing = {line["version_id"] for line in ran.lines if "finding" in line} & of_scenario
    assert missing == {one.arrival.version_id for one in played.outcomes if one.arrival.step.how == "vanish"}, ran.out
    refused = [one for one in played.outcomes if one.arrival.step.end in ("invalid", "conflict")]
    # One that was moved before its version-id was known is recorded as gone: events name no version here.
    counts = ran.lines[-1]
    moved = counts["moved_to_quarantine"] + counts["gone"] + counts["gone_unproven"]
    assert moved >= len(refused) and ran.code == 1, counts
    kinds = ("recorded", "young", "unrecorded", "deferred", "unreadable", "unchecked")
    assert counts["versions"] == sum(counts[kind] for kind in kinds), counts
    unreadable = {line["key"] for line in ran.lines if line.get("unreadable") is True}
    assert unreadable >= {one.arrival.step.key for one in played.outcomes if one.arrival.step.end == "unreadable"}


def test_offline_without_an_account(copy: Path, tool: Sluice) -> None:
    """From the downloaded receipts, the manifests and the public key alone."""
    command = ["verify", "--offline", str(copy / "copy"), "--public-key", str(copy / "ledger.pem")]
    ran = tool(*command, user="auditor", AWS_ENDPOINT_URL="http://127.0.0.1:1", SLUICE_OUTPUTS="/nonexistent")
    assert ran.code == 0, ran.out + ran.err
    name = next(path for path in (copy / "copy" / "provenance").rglob("*.json") if path.is_file())
    name.write_bytes(name.read_bytes().replace(b'"size":', b'"size":1'))
    ran = tool(*command, user="auditor", AWS_ENDPOINT_URL="http://127.0.0.1:1", SLUICE_OUTPUTS="/nonexistent")
    name.write_bytes(name.read_bytes().replace(b'"size":1', b'"size":'))
    assert ran.code == 1 and "receipt-changed" in ran.out + ran.err, ran.out + ran.err


def test_without_us(copy: Path) -> None:
    """The page's way, with openssl, jq and sha256sum, holds for every manifest."""
    lacking = [tool for tool in ("openssl", "jq", "sha256sum") if shutil.which(tool) is None]
    if lacking and os.environ.get("CI") != "true":
        pytest.skip(f"missing: {', '.join(lacking)}")
    block = next(text for text in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL) if "openssl" in text)
    for manifest in sorted((copy / "copy" / "ledger").iterdir()):
        script = block.replace("ledger/000000000001.json", f"ledger/{manifest.name}").replace(
            "ledger.pem", "../ledger.pem"
        )
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=copy / "copy", capture_output=True, text=True
        )
        assert ran.returncode == 0 and "Verified OK" in ran.stdout, script + ran.stdout + ran.stderr


def test_smoke(deployment: Deployment, tool: Sluice) -> None:
    """001.8: access, encryption by our key, version, receipt. The bucket key is on, and S3 would say so of the object;
    here it does not (`bucket-key-told`), which the command takes for a fault."""
    ran = tool("smoke", "provenance", "--wait", "60", "--format", "json", user="auditor")
    checks = {line["check"]: line for line in ran.lines if "check" in line}
    assert {name for name, line in checks.items() if line["ok"]} == {"access", "version", "receipt"}, ran.out
    assert checks["encryption"]["what"].startswith("aws:kms by arn:aws:kms:"), ran.out
    rules = deployment.client("s3").get_bucket_encryption(Bucket=deployment.provenance.data)
    [rule] = rules["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["BucketKeyEnabled"] is True


def test_what_operators_delete_is_on_record(deployment: Deployment, sealed: dict, tool: Sluice) -> None:
    """`remove` and `release` say who, what, when and why before they delete; a deletion without a record is found."""
    s3, processing = deployment.client("s3"), deployment.ingest.processing
    name = f"record-{time.time_ns()}"
    versions = {}
    # Recorded first, then refused: the other way round, its receipt would say that it was gone.
    deployment.client("events").disable_rule(Name=deployment.ingest.rule)
    try:
        for action in ("remove", "release", "none"):
            key = f"{name}-{action}.json"
            body = b"not JSON: " + key.encode()
            version_id = s3.put_object(Bucket=processing, Key=key, Body=body)["VersionId"]
            versions[action] = Version(processing, key, version_id, body)
        for version in versions.values():
            eventually(lambda version=version: evidence.receipt(deployment, version) is not None, version.key)
    finally:
        deployment.client("events").enable_rule(Name=deployment.ingest.rule)
    for version in versions.values():
        payload = json.dumps(event(deployment, version.key, version.version_id, len(version.body))).encode()
        deployment.client("lambda").invoke(FunctionName=deployment.ingest.function, Payload=payload)
        assert facts.quarantined(deployment, version.key, version.version_id), version.key
    for action, more in (("remove", ["--yes"]), ("release", [])):
        key = versions[action].key
        tool.done("quarantine", action, key, *more, "--reason", f"{action} it", user="operator")
    lost = versions["none"]
    for found in s3.list_object_versions(Bucket=deployment.ingest.quarantine, Prefix=lost.key)["Versions"]:
        s3.delete_object(Bucket=deployment.ingest.quarantine, Key=found["Key"], VersionId=found["VersionId"])

    def verified() -> tuple[dict[str, dict], list[dict]]:
        ran = tool("verify", f"s3://{processing}/{name}", "--unproven-ok", "--format", "json", user="auditor")
        operations = {line["key"]: line for line in ran.lines if "operation" in line}
        return operations, [line for line in ran.lines if "finding" in line]

    # Right away, and when a manifest has them.
    for step in ("pending", "listed"):
        if step == "listed":
            evidence.seal(deployment)
        operations, findings = verified()
        for action in ("remove", "release"):
            line = operations[versions[action].key]
            assert (line["operation"], line["reason"]) == (action, f"{action} it"), line
            assert line["version_id"] == versions[action].version_id and ":user/operator" in line["by"], line
        assert operations[versions["release"].key]["new_version_id"], operations
        assert {finding["key"] for finding in findings} <= {lost.key}, findings
        assert lost.key not in operations
    prefix = f"operator/{processing}/{name}"
    assert len(evidence.keys(deployment, prefix)) == 2
    text = tool("verify", f"s3://{processing}/{name}", "--unproven-ok", user="auditor")
    assert "removed by arn:" in text.out and "released by arn:" in text.out, text.out


def test_the_auditor_synchronises_the_whole_bucket(
    deployment: Deployment, sealed: dict, tool: Sluice, tmp_path: Path
) -> None:
    """`aws s3 sync` lists with an empty prefix; what it brings verifies without an account."""
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
    key = tool.write("ledger.pem", names.public_key_pem.encode())
    ran = tool("verify", "--offline", str(tmp_path), "--public-key", str(key), SLUICE_OUTPUTS="/nonexistent")
    assert ran.code == 0, ran.out + ran.err


def test_receipts_of_hostile_keys_are_a_tree_of_files(deployment: Deployment, arrived: Arrived, tmp_path: Path) -> None:
    """A part above 255 bytes, and a key that looks like the receipt of another: both copies are there, none is lost."""
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

    eventually(lambda: wanted <= copied(), "a receipt of each, as a file")


def test_who_tampers_is_found(deployment: Deployment, arrived: Arrived, sealed: dict, tool: Sluice) -> None:
    """A receipt replaced, one removed, one invented, a version deleted, one written unseen: exactly those five."""
    data = f"s3://{deployment.provenance.data}/"
    before = tool("verify", data, "--format", "json", "--grace", "0", user="auditor")
    assert before.code == 0, before.out + before.err
    done = evidence.tamper(deployment, arrived.versions)
    ran = tool("verify", data, "--format", "json", "--grace", "0", user="auditor")
    findings = [line for line in ran.lines if "finding" in line]
    assert evidence.difference(done, findings) == [], json.dumps(findings, indent=1)
    assert ran.code == 1
    text = tool("verify", data, "--grace", "0", user="auditor")
    assert text.code == 1 and all(one.names in text.out + text.err for one in done), text.out


def test_a_forged_receipt_that_the_ledger_signed_is_found(deployment: Deployment, sealed: dict, tool: Sluice) -> None:
    """A receipt and its journal entry are forged, and the ledger signs them: neither S3 nor the trail confirms them.

    Where no trail covers the time, a `gone` one is listed and the exit code is 1.
    """
    prefix = f"incoming/forged-{time.time_ns()}/"
    then = time.time() - 86_400 * (2 + time.time_ns() % 300)  # of a day that has no logs
    happened = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(then))
    body = b"never sent\n"
    digest = hashlib.sha256(body).hexdigest()
    gone = evidence.forge(deployment, f"{prefix}gone.csv", state="gone", event_time=happened)
    hashed = evidence.forge(
        deployment, f"{prefix}hashed.csv", state="hashed", event_time=happened, size=len(body), sha256=digest
    )
    file = tool.write("never-sent.csv", body)
    pending = tool("verify", "--file", str(file), user="auditor")
    assert pending.code == 1 and "unproven" in pending.out and "arrived as" not in pending.out, pending.out
    evidence.seal(deployment)

    def findings(*more: str) -> tuple[int, set[tuple[str, str]], list[dict]]:
        ran = tool("verify", prefix, "--format", "json", *more, user="auditor")
        return ran.code, {(line["finding"], line["key"]) for line in ran.lines if "finding" in line}, ran.lines

    code, found, lines = findings()
    assert (code, found) == (1, {("version-missing", hashed.key)}), lines
    assert [line["key"] for line in lines if line.get("unproven") is True] == [gone.key], lines
    assert findings("--unproven-ok", "--removed-ok")[0] == 0
    ran = tool("verify", "--file", str(file), user="auditor")
    assert ran.code == 1 and "unproven" in ran.out and "arrived as" not in ran.out, ran.out
    # The trail was delivering then, and has no such creation.
    evidence.deliver(deployment, then)
    code, found, lines = findings("--unproven-ok", "--removed-ok")
    assert (code, found) == (1, {("receipt-unproven", hashed.key), ("receipt-unproven", gone.key)}), lines
    # It has both: what is missing was there, and what was gone is confirmed.
    evidence.deliver(deployment, then, gone, hashed)
    code, found, lines = findings()
    assert (code, found, lines[-1]["gone"]) == (1, {("version-missing", hashed.key)}, 1), lines
