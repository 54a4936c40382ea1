"""Delivers log files to the trail's bucket as CloudTrail does; the emulator's trail delivers none (`trail-files`).

A client whose AWS_ENDPOINT_URL is `TrailWriter.endpoint` reaches the emulator through a proxy. Its requests about S3
objects become records, if the selectors of the deployment's trail select them.
"""

from __future__ import annotations

import datetime as dt
import http.client
import re
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from . import evidence, sqlsamples
from .deployment import Deployment

TICK_S = 0.2
_READS = ("GetObject", "HeadObject")
_EVENTS = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
_HOP_BY_HOP = ("connection", "content-length", "keep-alive", "transfer-encoding")
_NOT_OF_S3 = "x-amzn-requestid"  # S3 does not send it (`request-id` in deviations.md)
Record = dict[str, Any]


@dataclass(frozen=True)
class Exchange:
    """A request and its answer."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer_headers: dict[str, str]
    answer: bytes

    @property
    def scope(self) -> tuple[str, str]:
        """The access key and the service of the signature."""
        found = re.search(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/", self.headers.get("authorization", ""))
        return (found[1], found[2]) if found else ("", "")


class TrailWriter:
    """Delivers each record `delay_s` after its request. `edit` is applied to each record; None drops it."""

    def __init__(
        self,
        deployment: Deployment,
        delay_s: Callable[[Record], float] = lambda _: 1.0,
        edit: Callable[[Record], Record | None] = lambda record: record,
    ) -> None:
        self._deployment = deployment
        self._delay_s = delay_s
        self._edit = edit
        self._selectors = selectors(deployment)
        self._sessions: dict[str, dict[str, Any]] = {}
        self._pending: list[tuple[float, Record]] = []
        self.delivered: list[Record] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(deployment, self._record))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(deployment.stack.certificate, deployment.stack.key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._threads = [threading.Thread(target=run) for run in (self._server.serve_forever, self._deliver)]

    @property
    def endpoint(self) -> str:
        return f"https://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> TrailWriter:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._server.shutdown()
        for thread in self._threads:
            thread.join()
        self._server.server_close()

    def _record(self, exchange: Exchange) -> None:
        access_key, service = exchange.scope
        if service == "sts":
            self._remember_session(exchange)
        elif service == "s3" and (record := self._event(exchange, access_key)):
            edited = self._edit(record)
            with self._lock:
                self._pending += [(time.monotonic() + self._delay_s(record), edited)] if edited else []

    def _remember_session(self, exchange: Exchange) -> None:
        asked = dict(urllib.parse.parse_qsl(exchange.body.decode()))
        issued = re.search(rb"<AccessKeyId>([^<]+)</AccessKeyId>", exchange.answer)
        if asked.get("Action") == "AssumeRole" and issued:
            role = asked["RoleArn"].rpartition("/")[2]
            who = sqlsamples.session(role, asked["RoleSessionName"])
            self._sessions[issued[1].decode()] = who | {"accessKeyId": issued[1].decode()}

    def _event(self, exchange: Exchange, access_key: str) -> Record | None:
        """The record of a request about an object, if the trail selects it."""
        path, _, query = exchange.target.partition("?")
        bucket, _, key = urllib.parse.unquote(path.lstrip("/")).partition("/")
        asked = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        name, region = _EVENTS.get(exchange.method), self._deployment.emulator.region
        if not name or not key or asked.keys() - {"versionId", "x-id"}:
            return None
        if not any(selector(f"arn:aws:s3:::{bucket}/{key}", name in _READS) for selector in self._selectors):
            return None
        wanted = ("x-amz-version-id", "x-amz-server-side-encryption")
        answered = {k: v for k, v in exchange.answer_headers.items() if k.startswith(wanted)}
        record = sqlsamples.event(
            name,
            bucket,
            key,
            self._sessions.get(access_key, sqlsamples.USER | {"accessKeyId": access_key}),
            dt.datetime.now(dt.timezone.utc),
            asked=asked.get("versionId"),
            error=None if exchange.status < 300 else "AccessDenied",
            bytes_in=len(exchange.body),
            answer=None if name in _READS else answered,
        )
        record["requestParameters"]["Host"] = f"{bucket}.s3.{region}.amazonaws.com"
        return record | {"awsRegion": region, "requestID": exchange.answer_headers["x-amz-request-id"]}

    def _deliver(self) -> None:
        while not self._stop.wait(TICK_S):
            with self._lock:
                due = [record for at, record in self._pending if at <= time.monotonic()]
                self._pending = [(at, record) for at, record in self._pending if record not in due]
            if due:
                evidence.deliver_records(self._deployment, time.time(), due)
                self.delivered += due


def selectors(deployment: Deployment) -> list[Callable[[str, bool], bool]]:
    """For each selector of the deployment's trail, whether it selects a request about an object, given its ARN and
    whether it only reads."""
    trail = deployment.outputs["provenance"]["trail"]
    found = deployment.client("cloudtrail").get_event_selectors(TrailName=trail)["AdvancedEventSelectors"]
    chosen = []
    for selector in found:
        fields = {field["Field"]: field for field in selector["FieldSelectors"]}
        if fields["eventCategory"]["Equals"] != ["Data"] or "resources.ARN" not in fields:
            continue
        prefixes = tuple(fields["resources.ARN"]["StartsWith"])
        only = fields.get("readOnly", {}).get("Equals", ["true", "false"])

        def selects(arn: str, reads: bool, prefixes: tuple[str, ...] = prefixes, only: list[str] = only) -> bool:
            return arn.startswith(prefixes) and str(reads).lower() in only

        chosen.append(selects)
    return chosen


def _handler(deployment: Deployment, record: Callable[[Exchange], None]) -> type[BaseHTTPRequestHandler]:
    """Forwards each request to the emulator as it is, and passes it with its answer to `record`."""
    address = deployment.emulator.endpoint.removeprefix("https://")
    trusted = ssl.create_default_context(cafile=str(deployment.stack.ca))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            upstream = http.client.HTTPSConnection(address, context=trusted, timeout=60)
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(body or None)
            response = upstream.getresponse()
            answer = response.read()
            upstream.close()
            headers = {name.lower(): value for name, value in response.getheaders()}
            asked = {name.lower(): value for name, value in self.headers.items()}
            record(Exchange(self.command, self.path, asked, body, response.status, headers, answer))
            self.send_response_only(response.status)
            for name, value in response.getheaders():
                if name.lower() not in (*_HOP_BY_HOP, _NOT_OF_S3):
                    self.send_header(name, value)
            length = headers.get("content-length", "0") if self.command == "HEAD" else len(answer)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = forward

        def log_message(self, *_: object) -> None:
            """Prints nothing."""

    return Handler
