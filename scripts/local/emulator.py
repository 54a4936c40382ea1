"""The emulator with our corrections: takes the arguments of Hypercorn, runs in the environment of the local stack.

Each correction makes an answer what AWS answers. scripts/local/deviations.md has what is not corrected.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from urllib.parse import quote_plus
from xml.etree.ElementTree import Element, SubElement

from hypercorn.__main__ import main
from ministack.core import iam_evaluator
from ministack.services import s3

# What `encoding-type=url` encodes in a listing: S3's API reference, ListObjectVersions and ListMultipartUploads.
_ENCODED = frozenset({"Delimiter", "Key", "KeyMarker", "NextKeyMarker", "Prefix"})
_encoding = ContextVar("encoding", default=False)


def _encode_keys() -> None:
    """Lists versions and uploads as they are asked for: the emulator encodes keys in listings of objects alone.

    Keys may hold characters that no XML can: unencoded, no SDK can read the listing.
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
    """Answers GetBucketRequestPayment, which Terraform asks of every bucket: the emulator lists the objects instead.

    Where XML cannot hold one of their keys, Terraform could neither refresh nor destroy the bucket.
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


def _match_line_breaks() -> None:
    """Lets `*` in a policy stand for any character: the emulator's stands for no line break, which a key may hold."""
    original = iam_evaluator._fnmatch_compile

    @functools.cache
    def compiled(pattern: str, ignore_case: bool) -> re.Pattern:
        found = original(pattern, ignore_case)
        return re.compile(found.pattern, found.flags | re.DOTALL)

    iam_evaluator._fnmatch_compile = compiled


if __name__ == "__main__":
    _encode_keys()
    _answer_request_payment()
    _match_line_breaks()
    sys.exit(main())
