"""The buckets of the tests of the SQL: a day of events, edge cases, and receipts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from .sqlsamples import (
    ACCOUNT,
    ANONYMOUS,
    FUNCTION,
    NOW,
    OTHER_ACCOUNT,
    REGION,
    ROOT_USER,
    SERVICE,
    SSO,
    TOOL,
    USER,
    deliver,
    event,
    form_upload,
    receipt,
)

DATA, TRAIL = "caa304-raw-data", "caa304-cloudtrail-log"
RECEIPTS = f"caa304-prod-receipts-{REGION}-{ACCOUNT}"
UNUSUAL_KEY = "incoming/Ünï & co/a+b 100% 'q' \"z\".csv"


def at(hour: int, minute: int = 0, days: int = 0) -> dt.datetime:
    return NOW.replace(hour=hour, minute=minute, second=0, microsecond=0) - dt.timedelta(days=days)


def deliver_events(buckets: Path) -> None:
    """A day of uploads to the bucket."""
    first = event("PutObject", DATA, "incoming/a.csv", SSO, at(9), "v1")
    deliver(
        buckets,
        TRAIL,
        first,
        event("PutObject", DATA, "incoming/a.csv", USER, at(10), "v2"),
        event("CreateMultipartUpload", DATA, "incoming/large.bin", TOOL, at(10, 1)),
        event("UploadPart", DATA, "incoming/large.bin", TOOL, at(10, 2), bytes_in=8388608.0),
        event("CompleteMultipartUpload", DATA, "incoming/large.bin", TOOL, at(10, 5), "v3"),
        event(
            "CopyObject",
            DATA,
            UNUSUAL_KEY,
            TOOL,
            at(10, 10),
            "v4",
            bytes_in=0,
            parameters={"x-amz-copy-source": "elsewhere/source.csv?versionId=s1"},
            answer={"x-amz-copy-source-version-id": "s1"},
        ),
        form_upload(DATA, "incoming/form.png", ANONYMOUS, at(10, 20), "v5"),
    )
    deliver_other_events(buckets, first)


def deliver_other_events(buckets: Path, repeated: dict[str, Any]) -> None:
    """Denied requests, reads, deletions, and uploads elsewhere; with one repeated event."""
    deliver(
        buckets,
        TRAIL,
        repeated,  # CloudTrail delivers at least once
        event("PutObject", DATA, "incoming/refused.csv", OTHER_ACCOUNT, at(11), error="AccessDenied"),
        event("PutObject", DATA, "incoming/a.csv", TOOL, at(11, 1), error="PreconditionFailed"),
        event("GetObject", DATA, "incoming/a.csv", SSO, at(11, 2), asked="v1"),
        event("GetObject", DATA, "incoming/a.csv", ANONYMOUS, at(11, 3), error="AccessDenied"),
        event(
            "DeleteObject",
            DATA,
            "incoming/a.csv",
            USER,
            at(11, 4),
            "marker",
            answer={"x-amz-delete-marker": "true"},
        ),
        event("DeleteObjects", DATA, None, USER, at(11, 5), parameters={"delete": ""}),
        event("PutObject", DATA, "incoming/", SSO, at(11, 6), "folder", bytes_in=0),
        event("PutObject", DATA, "processed/a.csv", TOOL, at(11, 7), "p1"),
        event("PutObject", DATA, "incoming-not/a.csv", TOOL, at(11, 8), "p2"),
        event("PutObject", RECEIPTS, f"provenance/{DATA}/incoming/a.csv/v1.json", FUNCTION, at(11, 9), "r1"),
        event("PutObject", "other-bucket", "incoming/a.csv", TOOL, at(11, 10), "v1"),
        event("PutObject", DATA, "incoming/unseen.csv", ROOT_USER, at(11, 11), "v6"),
        event("PutObject", DATA, "incoming/by-service", SERVICE, at(11, 12), "v7"),
        event("PutObject", DATA, "incoming/long.bin", OTHER_ACCOUNT, at(11, 13), "v8"),
        event("PutObject", DATA, "incoming/too-long.bin", TOOL, at(11, 14), "v9"),
        event("PutObject", DATA, "incoming/short-lived", TOOL, at(11, 15), "v10"),
    )


def deliver_edge_cases(buckets: Path) -> None:
    """The oldest day that is kept, the newest in UTC, another region, and a digest file."""
    deliver(buckets, TRAIL, event("PutObject", DATA, "incoming/old.csv", USER, at(1, days=365), "v11"))
    deliver(buckets, TRAIL, event("PutObject", DATA, "incoming/tomorrow.csv", USER, at(0, days=-1), "v12"))
    elsewhere = event("PutObject", DATA, "incoming/x", USER, at(1), "x")
    deliver(buckets, TRAIL, elsewhere, region="eu-west-1")
    digest = buckets / TRAIL / "AWSLogs" / ACCOUNT / "CloudTrail-Digest" / REGION / "2026/11/23/one.json.gz"
    digest.parent.mkdir(parents=True)
    digest.write_bytes(b"not a log")


def write_receipts(buckets: Path) -> None:
    """Receipts of most versions, and objects that are not valid receipts."""
    for key, version in (
        ("incoming/a.csv", "v1"),
        ("incoming/a.csv", "v2"),
        ("incoming/large.bin", "v3"),
        (UNUSUAL_KEY, "v4"),
        ("incoming/form.png", "v5"),
        ("incoming/by-service", "v7"),
        ("incoming/long.bin", "v8"),
        ("incoming/before-the-trail.csv", "v0"),
        ("incoming/old.csv", "v11"),
    ):
        late = {"pinned_late": True} if version == "v2" else {}
        receipt(buckets, RECEIPTS, DATA, key, version, **late)
    receipt(buckets, RECEIPTS, DATA, "incoming/long.bin", "v8", "deferred")
    receipt(buckets, RECEIPTS, DATA, "incoming/too-long.bin", "v9", "deferred", size=99)
    receipt(buckets, RECEIPTS, DATA, "incoming/short-lived", "v10", "gone")
    (buckets / RECEIPTS / "provenance" / "broken.json").write_text("{not json\n")
    for neighbour in ("journal/2026-11-23T14-05-09.123Z/ab.json", "ledger/000000000001.json"):
        (buckets / RECEIPTS / neighbour).parent.mkdir(parents=True)
        (buckets / RECEIPTS / neighbour).write_text('{"bucket":"not a receipt","key":"k","version_id":"v"}\n')
