"""docs/operating.md: every transcript is the output of its commands, and every alarm has a row.

`SLUICE_DOCS_UPDATE=1` updates the transcripts.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import uuid
from collections.abc import Callable

import pytest

from .. import readback
from ..deployment import Deployment
from ..ingest_events import object_created
from ..paths import ROOT
from ..scenario import music
from ..sluice import Sluice, normalised
from .ingest_steps import delete_item, send_dead_letter, wait_for_item
from .polling import eventually

HANDBOOK = ROOT / "docs" / "operating.md"
PROVENANCE = ROOT / "docs" / "provenance.md"
BLOCK = re.compile(r"^```console\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
ONE, ARTIST = ("Handbook", "TRACK#One"), "Handbook"
# Who runs a command, if not the operator.
USERS = {"upload": "uploader", "bootstrap": "deployer", "ingest": "deployer"}


def transcripts(block: str) -> list[tuple[str, str]]:
    """The commands of a block with their expected output."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


class Story:
    """Prepares, for each command, the situation in which the reader of the handbook runs it."""

    def __init__(self, sluice: Sluice, deployment: Deployment, dead_letters: dict[str, str]) -> None:
        self.sluice, self.deployment, self.dead_letters = sluice, deployment, dead_letters
        self.preparations: dict[str, Callable[[], None]] = {
            "quarantine list --prefix handbook/": self.wait_for_quarantine,
            "quarantine release handbook/second.json": self.delete_first_file,
            "redrive": self.send_dead_letter,
            "reconcile --prefix handbook/ --grace 0": self.delete_item,
            "ingest run-local event.json": self.write_event,
            "status": self.put_metric,
        }
        second = music(*ONE, Title={"S": "Another"})
        bare = music(ARTIST, "TRACK#Bare", Features={"L": ["Knock2"]})
        for name, body in (("one", music(*ONE)), ("bare", bare), ("albums/bare", bare), ("albums/second", second)):
            sluice.write(f"{name}.json", body)

    def prepare(self, command: str) -> None:
        self.preparations.pop(command, lambda: None)()

    def wait_for_stored(self) -> None:
        wait_for_item(self.deployment, ONE)

    def wait_for_quarantine(self) -> None:
        def both() -> bool:
            keys = [key for key in readback.quarantine_keys(self.deployment) if key.startswith("handbook/")]
            return sum(key.endswith(".reason.json") for key in keys) == 2

        eventually(both, "both files in quarantine")

    def delete_first_file(self) -> None:
        """Deletes one.json and its item."""
        s3, bucket = self.deployment.client("s3"), self.deployment.ingest.processing
        for version in s3.list_object_versions(Bucket=bucket, Prefix="handbook/one.json")["Versions"]:
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        delete_item(self.deployment, ONE)

    def send_dead_letter(self) -> None:
        self.wait_for_stored()
        body = json.dumps(object_created(self.deployment, "handbook/slow.json", str(uuid.uuid4()), 1))
        send_dead_letter(self.deployment, self.dead_letters["events"], body)

    def delete_item(self) -> None:
        delete_item(self.deployment, ONE)

    def put_metric(self) -> None:
        """The emulator creates no metrics from the function's log."""
        metric = {
            "MetricName": "Stored",
            "Dimensions": [{"Name": "Function", "Value": self.deployment.ingest.function}],
            "Value": 1,
            "Unit": "Count",
        }
        self.deployment.client("cloudwatch").put_metric_data(Namespace="Sluice", MetricData=[metric])

    def write_event(self) -> None:
        s3 = self.deployment.client("s3")
        version = s3.head_object(Bucket=self.deployment.ingest.processing, Key="handbook/second.json")["VersionId"]
        document = object_created(self.deployment, "handbook/second.json", version, 1)
        self.sluice.write("event.json", json.dumps(document).encode())


def output_of(story: Story, command: str) -> str:
    """The normalised output of a command."""
    arguments = shlex.split(command)[1:]
    story.prepare(" ".join(arguments))
    completed = story.sluice(*arguments, user=USERS.get(arguments[0], "operator"))
    text = completed.out + completed.err
    if arguments[0] == "upload":
        lines = text.splitlines(keepends=True)
        text = "".join(sorted(lines[:-1]) + lines[-1:])
        if "one.json" in command:
            story.wait_for_stored()
    if arguments[0] == "backfill" and "--yes" in arguments:
        story.wait_for_stored()
    text = normalised(text).replace("sluice-test-", "sluice-dev-")
    if arguments[0] == "status":
        text = text.replace("   (sluice quarantine list)", "")
        text = re.sub(r"(?m)(?<=[ ])\d+(?= versions| waiting| taken| in flight|$)", "N", text)
    if "--markers" in arguments:
        text = text.replace(" there already", " made")  # other tests create folders too
    if arguments[0] == "ingest":
        text = re.sub(r'"Timestamp":\d+', '"Timestamp":0', text)
    return text + (f"(exit {completed.code})\n" if completed.code else "")


@pytest.fixture
def story(sluice: Sluice, deployment: Deployment, dead_letters: dict[str, str]) -> Story:
    return Story(sluice, deployment, dead_letters)


def test_every_transcript_is_current(story: Story, buckets: list[str]) -> None:
    """The commands are run in the order of the handbook."""
    buckets.append("sluice-handbook-state")
    text = HANDBOOK.read_text()

    def run(block: re.Match[str]) -> str:
        commands = [command for command, _ in transcripts(block[1])]
        return "```console\n" + "".join(f"$ {command}\n{output_of(story, command)}" for command in commands) + "```\n"

    current = BLOCK.sub(run, text)
    if os.environ.get("SLUICE_DOCS_UPDATE") == "1":
        HANDBOOK.write_text(current)
    assert text == current, "docs/operating.md: run this test with SLUICE_DOCS_UPDATE=1, and review the difference"


def test_every_command_is_in_the_handbook(sluice: Sluice) -> None:
    """A new command must be described."""
    commands = re.findall(r"(?m)^  ([a-z]+)  ", sluice.run("--help").out)
    documented = {
        command.split()[1] for block in BLOCK.findall(HANDBOOK.read_text()) for command, _ in transcripts(block)
    }
    documented |= set(re.findall(r"(?m)^(?:AWS_PROFILE=\w+ )?sluice ([a-z]+)", PROVENANCE.read_text()))
    assert set(commands) - {"help"} == documented


@pytest.mark.parametrize("system", ["ingest", "provenance"])
def test_every_alarm_has_its_row(system: str, deployment: Deployment) -> None:
    """The documented alarms are the deployed ones."""
    prefix = f"sluice-{deployment.stack.name}-{system}-"
    found = deployment.client("cloudwatch").describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"]
    page = {"ingest": HANDBOOK, "provenance": PROVENANCE}[system].read_text()
    table = re.split(r"(?m)^## ", page.partition("| alarm |")[2])[0]
    rows = re.findall(r"`([a-z-]+)`", "\n".join(line.split(" | ")[0] for line in table.splitlines()))
    assert sorted(alarm["AlarmName"].removeprefix(prefix) for alarm in found) == sorted(rows)
