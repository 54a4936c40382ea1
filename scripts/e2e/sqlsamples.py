"""Sample files for the tests of the SQL: CloudTrail logs and receipts, with their real structure and keys."""

from __future__ import annotations

import copy
import datetime as dt
import gzip
import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

from .evidence import mirrored

ACCOUNT, REGION = "111122223333", "us-east-1"
NOW = dt.datetime(2026, 11, 23, 14, 5, 9, 123000, tzinfo=dt.timezone.utc)

SSO_ROLE = "AWSReservedSSO_DataEngineer_0123456789abcdef"


def session(role: str, name: str, mfa: str = "false", path: str = "") -> dict[str, Any]:
    """The identity of a role session: a function, a user of IAM Identity Center, a tool of another account."""
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLEID:{name}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}",
        "accountId": ACCOUNT,
        "accessKeyId": "ASIAEXAMPLE",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROAEXAMPLEID",
                "arn": f"arn:aws:iam::{ACCOUNT}:role/{path}{role}",
                "accountId": ACCOUNT,
                "userName": role,
            },
            "attributes": {"creationDate": "2026-11-23T07:00:00Z", "mfaAuthenticated": mfa},
        },
    }


SSO = session(SSO_ROLE, "ada@example.org", "true", "aws-reserved/sso.amazonaws.com/")
TOOL = session("nightly-export", "export-2026-11-23")
FUNCTION = session("caa304-prod-provenance", "secure-provenance-lambda")
USER = {
    "type": "IAMUser",
    "principalId": "AIDAEXAMPLEID",
    "arn": f"arn:aws:iam::{ACCOUNT}:user/grace",
    "accountId": ACCOUNT,
    "accessKeyId": "AKIAEXAMPLE",
    "userName": "grace",
}
ROOT_USER = {
    "type": "Root",
    "principalId": ACCOUNT,
    "arn": f"arn:aws:iam::{ACCOUNT}:root",
    "accountId": ACCOUNT,
}
ANONYMOUS = {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}
OTHER_ACCOUNT = {"type": "AWSAccount", "principalId": "AIDAOTHERACCOUNT", "accountId": "444455556666"}
SERVICE = {"type": "AWSService", "invokedBy": "logging.s3.amazonaws.com"}


def _response(name: str, version: str | None) -> dict[str, Any]:
    """The response elements that S3 sends for a version."""
    elements = {"x-amz-version-id": version} if version else {}
    if version and not name.startswith("Delete"):
        elements |= {
            "x-amz-server-side-encryption": "aws:kms",
            "x-amz-server-side-encryption-aws-kms-key-id": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/one",
            "x-amz-server-side-encryption-bucket-key-enabled": "true",
        }
    return elements


def _resources(bucket: str, key: str | None) -> list[dict[str, str]]:
    objects = [{"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/{key}"}] if key is not None else []
    return [*objects, {"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}"}]


def event(
    name: str,
    bucket: str,
    key: str | None,
    who: dict[str, Any],
    when: dt.datetime,
    version: str | None = None,
    asked: str | None = None,
    error: str | None = None,
    bytes_in: float = 12,
    parameters: dict[str, Any] | None = None,
    answer: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """One record; `version` is the version-id in the response, `asked` the one in the request."""
    reads = name.startswith(("Get", "Head", "List"))
    requested = {"bucketName": bucket, "Host": f"{bucket}.s3.{REGION}.amazonaws.com"}
    requested |= ({"key": key} if key is not None else {}) | ({"versionId": asked} if asked else {})
    answered = _response(name, version) | (answer or {})
    record = {
        "eventVersion": "1.11",
        "userIdentity": who,
        "eventTime": f"{when:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "s3.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "[aws-cli/2.31.0]",
        "requestParameters": requested | (parameters or {}),
        "responseElements": answered or None,
        "additionalEventData": {
            "SignatureVersion": "SigV4",
            "CipherSuite": "TLS_AES_128_GCM_SHA256",
            "AuthenticationMethod": "AuthHeader",
            "x-amz-id-2": "EXAMPLE",
            "bytesTransferredIn": 0 if reads else bytes_in,
            "bytesTransferredOut": 4096.0 if reads else 0,
        },
        "requestID": uuid.uuid4().hex[:16].upper(),
        "eventID": str(uuid.uuid4()),
        "readOnly": reads,
        "resources": _resources(bucket, key),
        "eventType": "AwsApiCall",
        "managementEvent": False,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Data",
        "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"},
    }
    if error:
        record |= {"errorCode": error, "errorMessage": "refused"}
    return record


def form_upload(bucket: str, key: str, who: dict[str, Any], when: dt.datetime, version: str) -> dict[str, Any]:
    """An upload with a browser form: the key is in the body, so only the resource has it."""
    found = copy.deepcopy(event("PostObject", bucket, key, who, when, version))
    del found["requestParameters"]["key"]
    return found


def deliver(buckets: Path, bucket: str, *records: dict[str, Any], region: str = REGION) -> Path:
    """Writes a log file as CloudTrail delivers it, in the folder of the day of its first record."""
    when = dt.datetime.fromisoformat(records[0]["eventTime"].replace("Z", "+00:00"))
    name = f"{ACCOUNT}_CloudTrail_{region}_{when:%Y%m%dT%H%MZ}_{uuid.uuid4().hex[:16]}.json.gz"
    file = buckets / bucket / "AWSLogs" / ACCOUNT / "CloudTrail" / region / f"{when:%Y/%m/%d}" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(json.dumps({"Records": list(records)}).encode()))
    return file


def receipt(
    buckets: Path, receipts: str, bucket: str, key: str, version: str, state: str = "hashed", **more: Any
) -> dict[str, Any]:
    """Writes a receipt under its key: provenance/{bucket}/{key}/{version-id}.json, or .deferred.json."""
    body = f"{key} {version}".encode()
    record: dict[str, Any] = {
        "state": state,
        "bucket": bucket,
        "key": key,
        "version_id": version,
        "event_time": "2026-11-23T10:00:00Z",
        "recorded_at": "2026-11-23T10:00:02.345Z",
    }
    if state == "hashed":
        record |= {
            "etag": hashlib.md5(body, usedforsecurity=False).hexdigest(),
            "size": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "s3_checksum": "q7LhqgLfAtM=",
            "s3_checksum_algorithm": "CRC64NVME",
            "s3_checksum_type": "FULL_OBJECT",
            "last_modified": "2026-11-23T10:00:00.000Z",
            "sequencer": "0062E99A88DC407460",
        }
    record |= more
    suffix = ".deferred.json" if state == "deferred" else ".json"
    file = buckets / receipts / "provenance" / bucket / mirrored(key) / f"{mirrored(version)}{suffix}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(record, separators=(",", ":")) + "\n")
    return record
