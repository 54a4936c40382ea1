"""Large uploads with `sluice`, interrupted while their parts are sent."""

from __future__ import annotations

import json
import signal

from ..deployment import Deployment
from ..sluice import Completed, Sluice
from .polling import eventually

MIB = 1024 * 1024


def allow_large_files(sluice: Sluice) -> list[str]:
    """Options with outputs whose size limit is above that of the deployment, so that large files are sent in parts."""
    outputs = json.loads(sluice.outputs.read_text())
    outputs["ingest"]["value"]["max_object_bytes"] = 1024 * MIB
    sluice.write("larger.json", json.dumps(outputs).encode())
    return ["--outputs", "larger.json"]


def pending_uploads(deployment: Deployment, key: str) -> list[str]:
    """The ids of the multipart uploads of a key that are neither complete nor aborted."""
    uploads = deployment.client("s3").list_multipart_uploads(Bucket=deployment.ingest.processing)
    return [upload["UploadId"] for upload in uploads.get("Uploads", []) if upload["Key"] == key]


def interrupt_upload(sluice: Sluice, deployment: Deployment, key: str) -> Completed:
    """Uploads a large file and sends SIGINT (Ctrl-C) after its first part; returns its result."""
    path = sluice.folder / key
    with path.open("wb") as file:
        file.truncate(400 * MIB)
    process = sluice.start("upload", str(path), *allow_large_files(sluice), user="uploader")
    eventually(lambda: bool(pending_uploads(deployment, key)), "first part")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    path.unlink()
    return Completed(process.returncode, out, err)
