"""Runs the emulator with corrections, with the arguments of Hypercorn, in the environment of the local stack.

Each correction makes a response equal to that of AWS. scripts/local/deviations.md lists the remaining deviations.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from urllib.parse import quote_plus
from xml.etree.ElementTree import Element, SubElement, fromstring

from hypercorn.__main__ import main
from ministack.core import iam_actions, iam_evaluator
from ministack.services import s3
from ministack.services.iam import _IAM_HANDLERS, _xml

# The elements that `encoding-type=url` encodes: S3 API reference, ListObjectVersions and ListMultipartUploads.
_ENCODED = frozenset({"Delimiter", "Key", "KeyMarker", "NextKeyMarker", "Prefix"})
_encoding = ContextVar("encoding", default=False)
# The list in the response, by action.
_OTHER_CREDENTIALS = {
    "ListSSHPublicKeys": "SSHPublicKeys",
    "ListServiceSpecificCredentials": "ServiceSpecificCredentials",
    "ListSigningCertificates": "Certificates",
}


def _encode_keys() -> None:
    """Encodes keys in listings of versions and uploads, if requested: the emulator does so only in listings of objects.

    Keys may contain characters that XML cannot represent. SDKs cannot parse a listing with such keys unless they are
    encoded.
    """
    original = s3._xml_body

    def xml_body(root: Element) -> bytes:
        if _encoding.get() and root.tag != "Error":
            for element in root.iter():
                if element.tag in _ENCODED and element.text:
                    element.text = quote_plus(element.text, safe="/*")
            SubElement(root, "EncodingType").text = "url"
        return original(root)

    def encoded(listing: Callable[[str, dict], tuple]) -> Callable[[str, dict], tuple]:
        @functools.wraps(listing)
        def corrected(bucket: str, query: dict) -> tuple:
            token = _encoding.set(s3._qp(query, "encoding-type", "") == "url")
            try:
                return listing(bucket, query)
            finally:
                _encoding.reset(token)

        return corrected

    s3._xml_body = xml_body
    s3._list_object_versions = encoded(s3._list_object_versions)
    s3._list_multipart_uploads = encoded(s3._list_multipart_uploads)


def _answer_request_payment() -> None:
    """Answers GetBucketRequestPayment, which Terraform calls for every bucket: the emulator lists the objects instead.

    If XML cannot represent one of their keys, Terraform could neither refresh nor destroy the bucket.
    """
    original = s3._list_objects_v1

    @functools.wraps(original)
    def corrected(bucket: str, query: dict) -> tuple:
        if "requestPayment" not in query or s3._ensure_bucket(bucket) is None:
            return original(bucket, query)
        root = Element("RequestPaymentConfiguration", xmlns=s3.S3_NS)
        SubElement(root, "Payer").text = "BucketOwner"
        return 200, {"Content-Type": "application/xml"}, s3._xml_body(root)

    s3._list_objects_v1 = corrected


def _report_bucket_keys() -> None:
    """Reports that a bucket key was used for an object, if the bucket enables it: the emulator does not report it."""
    header, original = "x-amz-server-side-encryption-bucket-key-enabled", s3._bucket_default_sse_headers

    @functools.wraps(original)
    def corrected(bucket: str) -> dict:
        found, settings = original(bucket), s3._bucket_encryption.get(bucket)
        if found.get("x-amz-server-side-encryption") == "aws:kms":
            enabled = (e.text for e in fromstring(settings).iter() if e.tag.rpartition("}")[2] == "BucketKeyEnabled")
            found |= {header: "true"} if next(enabled, "") == "true" else {}
        return found

    s3._bucket_default_sse_headers = corrected
    s3._SSE_STORED_HEADERS = (*s3._SSE_STORED_HEADERS, header)


def _authorize_whole_keys() -> None:
    """Authorizes a request about an object by its whole key; the emulator ignores slashes at its end and in a row."""
    original = iam_actions.extract_resource_arn

    @functools.wraps(original)
    def corrected(service: str, method: str, path: str, *rest: object) -> str:
        bucket, _, key = path.lstrip("/").partition("/")
        return f"arn:aws:s3:::{bucket}/{key}" if service == "s3" and key else original(service, method, path, *rest)

    iam_actions.extract_resource_arn = corrected


def _match_line_breaks() -> None:
    """Makes `*` in a policy match line breaks, which a key may contain; in the emulator, it does not match them."""
    original = iam_evaluator._fnmatch_compile

    @functools.cache
    def compiled(pattern: str, ignore_case: bool) -> re.Pattern:
        found = original(pattern, ignore_case)
        return re.compile(found.pattern, found.flags | re.DOTALL)

    iam_evaluator._fnmatch_compile = compiled


def _list_other_credentials() -> None:
    """Answers that a user has no SSH keys, certificates and service credentials, which Terraform lists first to delete
    a user with its access keys. The emulator does not know the actions."""
    for action, element in _OTHER_CREDENTIALS.items():
        inner = f"<{action}Result><{element}/><IsTruncated>false</IsTruncated></{action}Result>"
        _IAM_HANDLERS.setdefault(action, lambda _, action=action, inner=inner: _xml(200, f"{action}Response", inner))


if __name__ == "__main__":
    _encode_keys()
    _answer_request_payment()
    _report_bucket_keys()
    _authorize_whole_keys()
    _match_line_breaks()
    _list_other_credentials()
    sys.exit(main())
