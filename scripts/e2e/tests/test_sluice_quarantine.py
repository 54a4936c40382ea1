"""`sluice quarantine`: lists, shows, removes and releases versions in quarantine."""

from __future__ import annotations

import hashlib
import json

from .. import readback
from ..deployment import Deployment
from ..ingest_events import upload
from ..inventory import REASON_SUFFIX
from ..scenario import FOREVER_BARE, music
from ..sluice import Sluice, duration_s
from .ingest_steps import (
    copy_and_reason,
    quarantine_keys_of,
    unique_name,
    upload_conflict,
    upload_invalid,
    wait_for_item,
)
from .polling import eventually


def holds(deployment: Deployment, key: str, body: bytes) -> bool:
    """Whether the bytes are under the key in one of the buckets. The function may move them meanwhile."""
    s3, ingest = deployment.client("s3"), deployment.ingest
    for bucket, prefix in ((ingest.processing, key), (ingest.quarantine, f"{key}/")):
        for version in s3.list_object_versions(Bucket=bucket, Prefix=prefix).get("Versions", []):
            try:
                found = s3.get_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])["Body"].read()
            except s3.exceptions.ClientError as error:
                if error.response["Error"]["Code"] != "NoSuchVersion":
                    raise
                continue
            if hashlib.sha256(found).digest() == hashlib.sha256(body).digest():
                return True
    return False


def test_list_show_check(sluice: Sluice, deployment: Deployment) -> None:
    """`check` has the texts of the first tool; every name comes from the outputs."""
    key = f"{unique_name()}/bare list ü.json"
    version = upload_invalid(deployment, key, FOREVER_BARE)
    bucket = deployment.ingest.quarantine
    here = sluice.run("quarantine", "check", key)
    assert here.out.strip() == f"Object {key} exists in bucket {bucket}."
    other = sluice("quarantine", "check", f"{key}.other")
    assert (other.code, other.out.strip()) == (1, f"Object {key}.other does not exist in bucket {bucket}.")
    assert sluice("quarantine", "check", key, "--version", "another").code == 1

    listed = sluice.run("quarantine", "list", "--prefix", key).out.splitlines()
    assert all(text in listed[0] for text in (key, version, "invalid", "/Features/L/0"))
    assert bucket in listed[-1]
    [entry, total] = sluice.run("quarantine", "list", "--prefix", key, "--format", "json").lines
    assert (entry["key"], entry["version_id"], entry["end"]) == (key, version, "invalid")
    assert entry["reasons"][0]["path"] == "/Features/L/0" and total["count"] == 1

    shown = sluice.run("quarantine", "show", key).out
    assert version in shown and "/Features/L/0" in shown and f"s3://{bucket}/{key}/{version}" in shown
    reason = sluice.run("quarantine", "show", key, "--format", "json").lines[0]["reason"]
    assert reason["source"]["key"] == key
    assert sluice("quarantine", "show", f"{key}.other").code == 1


def test_remove_asks_for_confirmation_and_deletes_all_versions(sluice: Sluice, deployment: Deployment) -> None:
    """The prompt of the first tool; after `yes`, no version of copy and reason record is left."""
    key = f"{unique_name()}.json"
    version = upload_invalid(deployment, key, b"{")
    bucket = deployment.ingest.quarantine
    prompt = f"Are you sure you want to remove object {key} from bucket {bucket}? (yes/no):"
    kept = sluice("quarantine", "remove", key, answer="no\n")
    assert (kept.code, kept.out.strip()) == (1, "Nothing was removed.") and prompt in kept.err
    assert sluice("quarantine", "remove", key).code == 1, "no answer"
    assert readback.quarantined(deployment, key, version)
    gone = sluice.run("quarantine", "remove", key, answer="yes\n")
    assert gone.out.strip() == f"Successfully removed object {key} from bucket {bucket}."
    left = deployment.client("s3").list_object_versions(Bucket=bucket, Prefix=f"{key}/")
    assert not left.get("Versions") and not left.get("DeleteMarkers")
    again = sluice("quarantine", "remove", key, "--yes")
    assert (again.code, again.out.strip()) == (1, f"Object {key} does not exist in bucket {bucket}.")


def test_several_versions_of_a_key(sluice: Sluice, deployment: Deployment) -> None:
    """For a key with two versions, --version or --all-versions is required."""
    key = f"{unique_name()}.json"
    first, second = upload_invalid(deployment, key, b"{"), upload_invalid(deployment, key, b"{{")
    for command in ("remove", "release"):
        ambiguous = sluice("quarantine", command, key, *(["--yes"] if command == "remove" else []))
        assert ambiguous.code == 2 and first in ambiguous.err and second in ambiguous.err
    sluice.run("quarantine", "remove", key, "--version", first, "--yes")
    assert quarantine_keys_of(deployment, key) == copy_and_reason(key, second)
    sluice.run("quarantine", "remove", key, "--all-versions", "--yes")
    assert quarantine_keys_of(deployment, key) == set()


def test_a_released_file_is_validated_again(sluice: Sluice, deployment: Deployment) -> None:
    """A file whose conflict was resolved is stored, and nothing is left in quarantine."""
    name = unique_name()
    key, _ = upload_conflict(deployment, name)
    [released] = sluice.run("quarantine", "release", key, "--format", "json").lines
    assert released["result"] == "released" and released["version_id"]
    wait_for_item(deployment, (name, "TRACK#1"))
    assert quarantine_keys_of(deployment, key) == set()
    assert sluice("quarantine", "release", key).code == 1


def test_a_released_file_that_is_still_invalid_is_quarantined_again(sluice: Sluice, deployment: Deployment) -> None:
    """It has a new version in quarantine, and the old one is gone."""
    key = f"{unique_name()}.json"
    version = upload_invalid(deployment, key, b"[")
    sluice.run("quarantine", "release", key)
    eventually(lambda: len(quarantine_keys_of(deployment, key)) == 2, "new version in quarantine")
    assert f"{key}/{version}" not in quarantine_keys_of(deployment, key)


def test_release_does_not_hide_a_newer_version(sluice: Sluice, deployment: Deployment) -> None:
    """If a corrected file is the current version of the key, --over-newer is required."""
    name = unique_name()
    key, body = upload_conflict(deployment, name)
    newer = upload(deployment, key, music(name, "TRACK#2"))
    wait_for_item(deployment, (name, "TRACK#2"))
    kept = sluice("quarantine", "release", key)
    assert kept.code == 1 and "--over-newer" in kept.out
    assert len(quarantine_keys_of(deployment, key)) == 2
    sluice.run("quarantine", "release", key, "--over-newer")
    wait_for_item(deployment, (name, "TRACK#1"))
    assert readback.version_exists(deployment, key, newer) and holds(deployment, key, body)


def test_a_killed_release_loses_nothing(sluice: Sluice, deployment: Deployment) -> None:
    """Killed (SIGKILL) at ten times: the bytes are always in one of the buckets, and the next run completes."""
    whole = duration_s(sluice.run, "quarantine", "release", upload_conflict(deployment, unique_name())[0])
    killed = 0
    for part in range(1, 11):
        item = (unique_name(), "TRACK#1")
        key, body = upload_conflict(deployment, item[0])
        killed += sluice.kill_after(whole * part / 10, "quarantine", "release", key)
        assert holds(deployment, key, body), f"lost when killed after {part}/10"
        assert sluice("quarantine", "release", key).code in (0, 1)
        wait_for_item(deployment, item)
        assert quarantine_keys_of(deployment, key) == set()
        assert holds(deployment, key, body)
    assert killed >= 3, f"only {killed} of 10 runs were killed before they completed"


def test_a_killed_release_of_an_invalid_file_can_be_repeated_without_a_version(
    sluice: Sluice, deployment: Deployment
) -> None:
    """Killed (SIGKILL) at twelve times while the function quarantines it again: the same command completes."""
    s3, ingest, body = deployment.client("s3"), deployment.ingest, b"{"

    def new_key() -> str:
        key = f"{unique_name()}.json"
        upload_invalid(deployment, key, body)
        return key

    whole = duration_s(sluice.run, "quarantine", "release", new_key())
    killed = 0
    for part in range(1, 13):
        key = new_key()
        killed += sluice.kill_after(whole * part / 12, "quarantine", "release", key)
        assert holds(deployment, key, body), f"lost when killed after {part}/12"

        def again(key: str = key) -> bool:
            completed = sluice("quarantine", "release", key, "--format", "json")
            assert completed.code == 0 or (completed.code, completed.lines[-1]["result"]) == (1, "kept"), completed
            return completed.code == 0

        eventually(again, "complete release")

        def settled(key: str = key) -> bool:
            left = s3.list_object_versions(Bucket=ingest.processing, Prefix=key).get("Versions")
            return not left and len(quarantine_keys_of(deployment, key)) == 2

        eventually(settled, "state with one version in quarantine and none in the processing bucket")
        assert holds(deployment, key, body)
    assert killed >= 3, f"only {killed} of 12 runs were killed before they completed"


def test_a_version_is_not_released_before_its_move_is_complete(sluice: Sluice, deployment: Deployment) -> None:
    """The function deletes the source last; until then, a release would rely on a version that will be deleted."""
    key, s3, ingest = f"{unique_name()}.json", deployment.client("s3"), deployment.ingest
    version = upload_invalid(deployment, key, b"{")
    outputs = json.loads(sluice.outputs.read_text())
    # The state between the reason record and the deletion: the source still exists, with the same version-id.
    record = s3.get_object(Bucket=ingest.quarantine, Key=f"{key}/{version}{REASON_SUFFIX}")["Body"].read()
    other = f"{unique_name()}.json"
    rule = outputs["ingest"]["value"]["rule"]
    deployment.client("events").disable_rule(Name=rule)
    try:
        source = s3.put_object(Bucket=ingest.processing, Key=other, Body=b"{")["VersionId"]
        s3.put_object(Bucket=ingest.quarantine, Key=f"{other}/{source}", Body=b"{")
        renamed = record.replace(key.encode(), other.encode()).replace(version.encode(), source.encode())
        s3.put_object(Bucket=ingest.quarantine, Key=f"{other}/{source}{REASON_SUFFIX}", Body=renamed)
        kept = sluice("quarantine", "release", other, "--format", "json")
        assert (kept.code, kept.lines[0]["result"]) == (1, "kept")
        assert len(quarantine_keys_of(deployment, other)) == 2
        s3.delete_object(Bucket=ingest.processing, Key=other, VersionId=source)
    finally:
        deployment.client("events").enable_rule(Name=rule)
    sluice.run("quarantine", "release", other)
