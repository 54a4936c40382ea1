"""`sluice quarantine`: what was refused, why, and back again."""

from __future__ import annotations

import hashlib
import json

from .. import readback
from ..deployment import Deployment
from ..ingest_events import upload
from ..inventory import REASON_SUFFIX
from ..scenario import FOREVER_BARE, music
from ..sluice import Sluice, duration_s
from .ingest_steps import quarantine_keys_of, unique_name, upload_conflict, upload_invalid
from .polling import eventually


def holds(deployment: Deployment, key: str, body: bytes) -> bool:
    """Whether the bytes are under the key in one of the buckets; the function may move them while this looks."""
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
    """003.23, 003.24: list, show and check, in the words of the first tool, with names from the outputs alone."""
    key = f"{unique_name()}/bare list ü.json"
    version = upload_invalid(deployment, key, FOREVER_BARE)
    bucket = deployment.ingest.quarantine
    here = sluice.run("quarantine", "check", key)
    assert here.out.strip() == f"Object {key} exists in bucket {bucket}."
    other = sluice("quarantine", "check", f"{key}.other")
    assert (other.code, other.out.strip()) == (1, f"Object {key}.other does not exist in bucket {bucket}.")
    assert sluice("quarantine", "check", key, "--version", "another").code == 1

    listed = sluice.run("quarantine", "list", "--prefix", key).out.splitlines()
    assert listed[0].startswith(f"{key}  {version}  invalid  ") and "/Features/L/0" in listed[0]
    assert listed[-1] == f"1 in quarantine bucket {bucket}"
    [entry, total] = sluice.run("quarantine", "list", "--prefix", key, "--format", "json").lines
    assert (entry["key"], entry["version_id"], entry["end"]) == (key, version, "invalid")
    assert entry["reasons"][0]["path"] == "/Features/L/0" and total["count"] == 1

    shown = sluice.run("quarantine", "show", key).out
    assert version in shown and "because   /Features/L/0" in shown and f"s3://{bucket}/{key}/{version}" in shown
    reason = sluice.run("quarantine", "show", key, "--format", "json").lines[0]["reason"]
    assert reason["source"]["key"] == key
    assert sluice("quarantine", "show", f"{key}.other").code == 1


def test_remove_asks_and_removes_everything(sluice: Sluice, deployment: Deployment) -> None:
    """003.23: the prompt, `no`, `yes`, and nothing left: no version of copy or reason."""
    key = f"{unique_name()}.json"
    version = upload_invalid(deployment, key, b"{")
    bucket = deployment.ingest.quarantine
    prompt = f"Are you sure you want to remove object {key} from bucket {bucket}? (yes/no):"
    kept = sluice("quarantine", "remove", key, answer="no\n")
    assert (kept.code, kept.out.strip()) == (1, "Nothing was removed.") and prompt in kept.err
    assert sluice("quarantine", "remove", key).code == 1, "nobody answered"
    assert readback.quarantined(deployment, key, version)
    gone = sluice.run("quarantine", "remove", key, answer="yes\n")
    assert gone.out.strip() == f"Successfully removed object {key} from bucket {bucket}."
    left = deployment.client("s3").list_object_versions(Bucket=bucket, Prefix=f"{key}/")
    assert not left.get("Versions") and not left.get("DeleteMarkers")
    again = sluice("quarantine", "remove", key, "--yes")
    assert (again.code, again.out.strip()) == (1, f"Object {key} does not exist in bucket {bucket}.")


def test_several_versions_of_a_key(sluice: Sluice, deployment: Deployment) -> None:
    """A key that was refused twice: the version has to be said, or all be meant."""
    key = f"{unique_name()}.json"
    first, second = upload_invalid(deployment, key, b"{"), upload_invalid(deployment, key, b"{{")
    for command in ("remove", "release"):
        unclear = sluice("quarantine", command, key, *(["--yes"] if command == "remove" else []))
        assert unclear.code == 2 and first in unclear.err and second in unclear.err
    sluice.run("quarantine", "remove", key, "--version", first, "--yes")
    assert quarantine_keys_of(deployment, key) == {f"{key}/{second}", f"{key}/{second}{REASON_SUFFIX}"}
    sluice.run("quarantine", "remove", key, "--all-versions", "--yes")
    assert quarantine_keys_of(deployment, key) == set()


def test_released_it_is_judged_afresh(sluice: Sluice, deployment: Deployment) -> None:
    """What was mended in the meantime is stored; nothing is left in quarantine."""
    name = unique_name()
    key, _ = upload_conflict(deployment, name)
    told = sluice.run("quarantine", "release", key)
    assert told.out.startswith(f"Released to s3://{deployment.ingest.processing}/{key} as version ")
    eventually(lambda: readback.item(deployment, (name, "TRACK#1")) is not None, "the released item")
    assert quarantine_keys_of(deployment, key) == set()
    assert sluice("quarantine", "release", key).code == 1


def test_what_was_not_mended_is_refused_again(sluice: Sluice, deployment: Deployment) -> None:
    """Released as it was, it comes back as a new version; the old one is gone."""
    key = f"{unique_name()}.json"
    version = upload_invalid(deployment, key, b"[")
    sluice.run("quarantine", "release", key)
    eventually(lambda: len(quarantine_keys_of(deployment, key)) == 2, "the new version in quarantine")
    assert f"{key}/{version}" not in quarantine_keys_of(deployment, key)


def test_something_newer_is_not_hidden(sluice: Sluice, deployment: Deployment) -> None:
    """A corrected file is current under the key: the old one goes over it only if that is said."""
    name = unique_name()
    key, body = upload_conflict(deployment, name)
    newer = upload(deployment, key, music(name, "TRACK#2"))
    eventually(lambda: readback.item(deployment, (name, "TRACK#2")) is not None, "the corrected item")
    kept = sluice("quarantine", "release", key)
    assert kept.code == 1 and "--over-newer" in kept.out
    assert len(quarantine_keys_of(deployment, key)) == 2
    sluice.run("quarantine", "release", key, "--over-newer")
    eventually(lambda: readback.item(deployment, (name, "TRACK#1")) is not None, "the released item")
    assert readback.version_exists(deployment, key, newer) and holds(deployment, key, body)


def test_a_release_that_is_killed_loses_nothing(sluice: Sluice, deployment: Deployment) -> None:
    """Killed (SIGKILL) at many moments, the bytes are always in one of the buckets, and the next run ends it."""
    whole = duration_s(sluice.run, "quarantine", "release", upload_conflict(deployment, unique_name())[0])
    killed = 0
    for part in range(1, 11):
        item = (unique_name(), "TRACK#1")
        key, body = upload_conflict(deployment, item[0])
        killed += sluice.kill_after(whole * part / 10, "quarantine", "release", key)
        assert holds(deployment, key, body), f"lost when killed after {part}/10"
        assert sluice("quarantine", "release", key).code in (0, 1)
        eventually(lambda item=item: readback.item(deployment, item) is not None, "the released item")
        assert quarantine_keys_of(deployment, key) == set()
        assert holds(deployment, key, body)
    assert killed >= 3, f"only {killed} of 10 runs were killed on their way"


def test_a_release_that_is_killed_and_refused_again_needs_no_version(sluice: Sluice, deployment: Deployment) -> None:
    """Killed (SIGKILL) at many moments while the function refuses it again: the same command is always enough."""
    s3, ingest, body = deployment.client("s3"), deployment.ingest, b"{"

    def refused() -> str:
        key = f"{unique_name()}.json"
        upload_invalid(deployment, key, body)
        return key

    whole = duration_s(sluice.run, "quarantine", "release", refused())
    killed = 0
    for part in range(1, 13):
        key = refused()
        killed += sluice.kill_after(whole * part / 12, "quarantine", "release", key)
        assert holds(deployment, key, body), f"lost when killed after {part}/12"

        def again(key: str = key) -> bool:
            completed = sluice("quarantine", "release", key)
            assert completed.code == 0 or (completed.code == 1 and "has not finished moving it" in completed.out), (
                completed
            )
            return completed.code == 0

        eventually(again, "the release to be finished")

        def settled(key: str = key) -> bool:
            left = s3.list_object_versions(Bucket=ingest.processing, Prefix=key).get("Versions")
            return not left and len(quarantine_keys_of(deployment, key)) == 2

        eventually(settled, "one version in quarantine and none in the processing bucket")
        assert holds(deployment, key, body)
    assert killed >= 3, f"only {killed} of 12 runs were killed on their way"


def test_a_version_that_is_still_being_moved_is_not_released(sluice: Sluice, deployment: Deployment) -> None:
    """Its source is still there: the function deletes that last, and would take with it what a release relies on."""
    key, s3, ingest = f"{unique_name()}.json", deployment.client("s3"), deployment.ingest
    version = upload_invalid(deployment, key, b"{")
    outputs = json.loads(sluice.outputs.read_text())
    # As the function leaves it between the reason record and the deletion: the source under the same version-id.
    record = s3.get_object(Bucket=ingest.quarantine, Key=f"{key}/{version}{REASON_SUFFIX}")["Body"].read()
    other = f"{unique_name()}.json"
    rule = outputs["ingest"]["value"]["rule"]
    deployment.client("events").disable_rule(Name=rule)
    try:
        source = s3.put_object(Bucket=ingest.processing, Key=other, Body=b"{")["VersionId"]
        s3.put_object(Bucket=ingest.quarantine, Key=f"{other}/{source}", Body=b"{")
        renamed = record.replace(key.encode(), other.encode()).replace(version.encode(), source.encode())
        s3.put_object(Bucket=ingest.quarantine, Key=f"{other}/{source}{REASON_SUFFIX}", Body=renamed)
        kept = sluice("quarantine", "release", other)
        assert kept.code == 1 and "has not finished moving it" in kept.out
        assert len(quarantine_keys_of(deployment, other)) == 2
        s3.delete_object(Bucket=ingest.processing, Key=other, VersionId=source)
    finally:
        deployment.client("events").enable_rule(Name=rule)
    sluice.run("quarantine", "release", other)
