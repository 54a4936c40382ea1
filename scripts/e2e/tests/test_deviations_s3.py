"""Deviations of the emulator's S3 from AWS; see test_deviations.py."""

from __future__ import annotations

import inspect
import json

import pytest
from botocore.exceptions import ClientError
from ministack.core import iam_actions
from ministack.services import s3 as s3_service

from ..deployment import Deployment
from .role_policies import WithoutStatement


def test_copy_checksum(deployment: Deployment, scratch_bucket: str) -> None:
    s3 = deployment.client("s3")
    s3.put_object(Bucket=scratch_bucket, Key="source", Body=b"1")
    copied = s3.copy_object(
        Bucket=scratch_bucket,
        Key="copy",
        CopySource={"Bucket": scratch_bucket, "Key": "source"},
        ChecksumAlgorithm="SHA256",
    )
    assert "ChecksumSHA256" not in copied["CopyObjectResult"]
    assert "ChecksumSHA256" not in s3.head_object(Bucket=scratch_bucket, Key="copy", ChecksumMode="ENABLED")


def test_copy_if_none_match(deployment: Deployment, scratch_bucket: str) -> None:
    s3 = deployment.client("s3")
    s3.put_object(Bucket=scratch_bucket, Key="there", Body=b"1")
    s3.copy_object(
        Bucket=scratch_bucket, Key="there", CopySource={"Bucket": scratch_bucket, "Key": "there"}, IfNoneMatch="*"
    )
    with pytest.raises(ClientError, match="PreconditionFailed"):  # PutObject honours it
        s3.put_object(Bucket=scratch_bucket, Key="there", Body=b"2", IfNoneMatch="*")


def test_unusable_key(deployment: Deployment, scratch_bucket: str) -> None:
    s3, kms = deployment.client("s3"), deployment.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    s3.put_object(Bucket=scratch_bucket, Key="locked", Body=b"1", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    kms.disable_key(KeyId=key)
    assert s3.get_object(Bucket=scratch_bucket, Key="locked")["Body"].read() == b"1"


def test_range_of_version(deployment: Deployment, scratch_bucket: str) -> None:
    s3 = deployment.client("s3")
    version = s3.put_object(Bucket=scratch_bucket, Key="range", Body=b"12345")["VersionId"]
    assert s3.get_object(Bucket=scratch_bucket, Key="range", Range="bytes=0-1")["Body"].read() == b"12"
    assert (
        s3.get_object(Bucket=scratch_bucket, Key="range", VersionId=version, Range="bytes=0-1")["Body"].read()
        == b"12345"
    )


def test_listed_key_encoding(deployment: Deployment, scratch_bucket: str) -> None:
    """scripts/local/emulator.py corrects it; the emulator's own listings ignore the encoding."""
    for listing in (s3_service._list_object_versions, s3_service._list_multipart_uploads):
        assert "encoding-type" not in inspect.getsource(listing)
    s3, prefix = deployment.client("s3"), "100% ü+\x01\x1f\ufffe\uffff/"
    s3.put_object(Bucket=scratch_bucket, Key=f"{prefix}1", Body=b"1")
    upload_id = s3.create_multipart_upload(Bucket=scratch_bucket, Key="100% ü")["UploadId"]
    request = {"Bucket": scratch_bucket, "EncodingType": "url"}
    listed = s3.list_object_versions(**request, Prefix=prefix, MaxKeys=1)
    encoded = "100%25+%C3%BC%2B%01%1F%EF%BF%BE%EF%BF%BF/"
    assert (listed["EncodingType"], listed["Prefix"]) == ("url", encoded)
    assert [version["Key"] for version in listed["Versions"]] == [f"{encoded}1"]
    assert [group["Prefix"] for group in s3.list_object_versions(**request, Delimiter="/")["CommonPrefixes"]] == [
        encoded
    ]
    uploads = s3.list_multipart_uploads(**request)
    assert uploads["EncodingType"] == "url"
    assert [upload["Key"] for upload in uploads["Uploads"]] == ["100%25+%C3%BC"]
    s3.abort_multipart_upload(Bucket=scratch_bucket, Key="100% ü", UploadId=upload_id)


def test_request_payment(deployment: Deployment, scratch_bucket: str) -> None:
    """scripts/local/emulator.py corrects it; the emulator itself only handles PutBucketRequestPayment."""
    assert inspect.getsource(s3_service._dispatch).count('"requestPayment" in query_params') == 1
    assert deployment.client("s3").get_bucket_request_payment(Bucket=scratch_bucket)["Payer"] == "BucketOwner"


def test_missing_key_status(deployment: Deployment) -> None:
    """Without ListBucket, AWS answers 403 for a missing key."""
    s3, processing = deployment.client("s3", "uploader-role"), deployment.ingest.processing
    with WithoutStatement(deployment, deployment.ingest.uploader_role_arn, "upload", "SeeUploaded"):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.list_objects_v2(Bucket=processing)
        with pytest.raises(ClientError, match="NoSuchKey"):
            s3.get_object(Bucket=processing, Key="nothing/here")


def test_write_once(deployment: Deployment, scratch_bucket: str) -> None:
    s3 = deployment.client("s3")
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{scratch_bucket}/ledger/*",
        "Condition": {"Null": {"s3:if-none-match": "true"}},
    }
    s3.put_bucket_policy(Bucket=scratch_bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    try:
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=scratch_bucket, Key="ledger/1", Body=b"1", IfNoneMatch="*")
    finally:
        s3.delete_bucket_policy(Bucket=scratch_bucket)


def test_bucket_key_reported(deployment: Deployment) -> None:
    """scripts/local/emulator.py corrects it; the emulator itself only reports the algorithm and the key."""
    assert "BucketKeyEnabled" not in inspect.getsource(s3_service._bucket_default_sse_headers)
    s3, target = deployment.client("s3"), {"Bucket": deployment.provenance.data, "Key": "elsewhere/bucket-key"}
    for answer in (s3.put_object(**target, Body=b"x"), s3.head_object(**target)):
        assert answer["ServerSideEncryption"] == "aws:kms" and answer["BucketKeyEnabled"] is True


def test_whole_keys(deployment: Deployment) -> None:
    """scripts/local/emulator.py corrects it; the emulator itself joins the parts of a key that are not empty."""
    arguments = ("s3", "PUT", "/bucket/folder//a/", {}, b"", {}, "", "")
    assert iam_actions.extract_resource_arn(*arguments) == "arn:aws:s3:::bucket/folder/a"
    s3, bucket = deployment.client("s3", "provenance-uploader"), deployment.provenance.data
    s3.put_object(Bucket=bucket, Key="incoming/", Body=b"")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=bucket, Key="incoming", Body=b"")


def test_request_id(deployment: Deployment) -> None:
    answer = deployment.client("s3").head_bucket(Bucket=deployment.provenance.data)
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-request-id"] != headers["x-amzn-requestid"]


def test_bucket_owner(deployment: Deployment) -> None:
    found = deployment.client("s3").list_objects_v2(
        Bucket=deployment.ingest.processing, MaxKeys=1, ExpectedBucketOwner="444455556666"
    )
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 200
