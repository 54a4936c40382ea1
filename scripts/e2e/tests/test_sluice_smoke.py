"""`sluice smoke provenance`. `TrailWriter` delivers the log files of the trail, with records of the requests that
`sluice` really makes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from .. import sqlsamples
from ..deployment import Deployment
from ..sluice import Completed, Sluice
from ..trail import Record, TrailWriter
from . import tool_setup

CHECKS = ["access", "encryption", "version", "receipt", "log", "log-read"]


def smoke(sluice: Sluice, *arguments: str, **variables: str) -> Completed:
    return sluice("smoke", "provenance", *arguments, "--format", "json", user="auditor", **variables)


def checks(completed: Completed) -> dict[str, dict]:
    return {line["check"]: line for line in completed.lines if "check" in line}


def test_every_check_passes(sluice: Sluice, deployment: Deployment) -> None:
    """A log file with the put arrives first, and later one with the read."""

    def delay_s(record: Record) -> float:
        return 12.0 if record["eventName"] == "GetObject" else 1.0

    with TrailWriter(deployment, delay_s) as trail:
        completed = smoke(sluice, "--wait", "60", AWS_ENDPOINT_URL=trail.endpoint)
    output = completed.out + completed.err
    assert completed.code == 0, output
    found = checks(completed)
    assert sorted(found) == sorted(CHECKS) and all(line["ok"] for line in found.values()), output
    assert found["encryption"]["what"].startswith("aws:kms by arn:aws:kms:"), output
    assert "with a bucket key" in found["encryption"]["what"]
    assert "waiting for" in completed.err and "GetObject in the trail" in completed.err
    by_name = {record["eventName"]: record for record in trail.delivered}
    for check, name in (("log", "PutObject"), ("log-read", "GetObject")):
        assert by_name[name]["requestID"] in found[check]["what"] and ".json.gz" in found[check]["what"], output
        issuer = by_name[name]["userIdentity"]["sessionContext"]["sessionIssuer"]
        assert issuer["userName"] == deployment.provenance.uploader_role_arn.rpartition("/")[2]
    left = next(line["left"] for line in completed.lines if "left" in line)
    assert by_name["PutObject"]["responseElements"]["x-amz-version-id"] == left["version_id"]
    assert by_name["PutObject"]["requestParameters"]["key"] == left["key"]


def without(name: str, record: Record) -> Record | None:
    return None if record["eventName"] == name else record


def read_by_the_function(record: Record) -> Record:
    """The function reads every version too: its reads are not those of the smoke test."""
    if record["eventName"] != "GetObject":
        return record
    return record | {"requestID": "0123456789ABCDEF", "userIdentity": sqlsamples.FUNCTION}


def rejected(record: Record) -> Record:
    return record | ({"errorCode": "AccessDenied"} if record["eventName"] == "PutObject" else {})


EDITS = {
    "no put": (lambda record: without("PutObject", record), {"log"}),
    "no read": (lambda record: without("GetObject", record), {"log-read"}),
    "another read": (read_by_the_function, {"log-read"}),
    "a rejected put": (rejected, {"log"}),
}


@pytest.fixture(scope="module")
def edited_runs(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Completed]:
    """A run for each of EDITS, all at the same time."""

    def run(name: str) -> Completed:
        sluice = tool_setup.install(deployment, tmp_path_factory.mktemp("smoke"))
        with TrailWriter(deployment, edit=EDITS[name][0]) as trail:
            return smoke(sluice, "--wait", "8", AWS_ENDPOINT_URL=trail.endpoint)

    with ThreadPoolExecutor(len(EDITS)) as pool:
        return dict(zip(EDITS, pool.map(run, EDITS), strict=True))


@pytest.mark.parametrize("name", EDITS)
def test_a_missing_event_fails(name: str, edited_runs: dict[str, Completed]) -> None:
    completed, (_, missing) = edited_runs[name], EDITS[name]
    found = checks(completed)
    assert completed.code == 1, completed.out + completed.err
    assert {check for check, line in found.items() if not line["ok"]} == missing, completed.out
    for check in missing:
        assert "request ID" in found[check]["what"] and "--wait" in found[check]["what"]


def test_without_log_files(sluice: Sluice) -> None:
    """A trail that delivers nothing fails both checks; with --skip-log they are open."""
    completed = smoke(sluice, "--wait", "20", "--skip-log")
    found = checks(completed)
    assert completed.code == 0, completed.out + completed.err
    assert [found[name]["ok"] for name in CHECKS] == [True, True, True, True, None, None], completed.out
    completed = smoke(sluice, "--wait", "5", "--require-log")
    found = checks(completed)
    assert completed.code == 1 and not found["log"]["ok"] and not found["log-read"]["ok"], completed.out
