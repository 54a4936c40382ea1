"""The steps of the demo, one per verb, in the order of scripts/demo."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from . import accounts, deviations, emulator, environment, evidence, paths, readback, report, wiring
from .deployment import Deployment
from .evidence import ObjectVersion
from .inbox import Inbox
from .ingest_events import queue_is_empty
from .scenario_run import play
from .sluice import Sluice
from .terraform import Terraform

FILE = "lambdas/ingest/tests/items/4EVR-bare-list.json"
UPLOADED = "uploaded.json"  # the provenance files, and when the last one had its receipt (monotonic clock)


def main() -> None:
    parser = argparse.ArgumentParser(prog="e2e.demo")
    parser.add_argument("verb", choices=sorted(VERBS))
    parser.add_argument("stack", choices=paths.STACKS)
    arguments = parser.parse_args()
    stack = paths.stack(arguments.stack)
    found = emulator.running(stack)
    if found is None:
        raise SystemExit(f"the stack `{stack.name}` is not running: run scripts/local/up {stack.name}")
    VERBS[arguments.verb](stack, found, Terraform(stack, found, accounts.load(stack)["deployer"]))


def init(stack: paths.Stack, found: emulator.Emulator, terraform: Terraform) -> None:
    terraform.init()
    print("the root module is initialised in its own folder")


def plan(stack: paths.Stack, found: emulator.Emulator, terraform: Terraform) -> None:
    planned = terraform.plan()
    count = sum("create" in change["change"]["actions"] for change in planned["resource_changes"])
    print(f"{count} resources planned, saved in {terraform.plan_file().relative_to(paths.ROOT)}")


def apply(stack: paths.Stack, found: emulator.Emulator, terraform: Terraform) -> None:
    started = time.monotonic()
    terraform.apply()
    welcome(stack, found, terraform.outputs())
    print(f"{len(terraform.state())} resources in {time.monotonic() - started:.0f} s")


def welcome(stack: paths.Stack, found: emulator.Emulator, outputs: dict) -> None:
    """Replaces the deployer's environment in `.local/STACK/env` by that of a visitor, who can assume the roles."""
    named = {name: {"value": value} for name, value in outputs.items()}
    stack.outputs.write_text(json.dumps(named, indent=2) + "\n")
    stack.exports.write_text(environment.visitor_exports(stack, found, accounts.load(stack)["visitor"]))


def run(stack: paths.Stack, found: emulator.Emulator, terraform: Terraform) -> None:
    deployment = Deployment(stack, found, terraform.outputs())
    inbox = Inbox.open(deployment)
    started = time.monotonic()
    played = play(deployment, inbox)
    print(report.table(played.results))
    dead = readback.depth(deployment, deployment.ingest.dead_letters_url)
    print(f"{len(played.results)} files and events in {time.monotonic() - started:.1f} s, {dead} dead letters")
    if problems := report.difference(played.results):
        raise SystemExit(f"unexpected outcomes:\n{problems}\nlog of the function:\n{_log(played.observations.lines)}")
    if dead or not queue_is_empty(deployment):
        raise SystemExit(
            f"messages remain: {dead} dead letters\nlog of the function:\n{_log(played.observations.lines)}"
        )
    versions = evidence.upload_files(deployment)
    print(f"{len(versions)} provenance files uploaded, each has its receipt")
    uploaded = {
        "recorded_at": time.monotonic(),
        "versions": [(version.bucket, version.key, version.version_id) for version in versions],
    }
    (stack.folder / UPLOADED).write_text(json.dumps(uploaded))


def prove(stack: paths.Stack, found: emulator.Emulator, terraform: Terraform) -> None:
    """Verifies receipts and manifests, then tampers, and verifies that exactly these changes are found."""
    deployment = Deployment(stack, found, terraform.outputs())
    tool = Sluice(deployment, stack.outputs, stack.folder)
    bucket = f"s3://{deployment.provenance.data}/"
    uploaded = json.loads((stack.folder / UPLOADED).read_text())
    versions = [ObjectVersion(*names, evidence.FILES[names[1]]) for names in uploaded["versions"]]
    print("waiting: a manifest covers receipts that are older than a minute", flush=True)
    evidence.write_manifest(deployment, since=uploaded["recorded_at"])
    verified = tool("verify", bucket, user="auditor")
    print(verified.out, end="")
    if verified.code != 0:
        raise SystemExit(f"`sluice verify` has findings before the tampering (exit {verified.code}): {verified.err}")
    done = evidence.tamper(deployment, versions)
    print("tampering: " + "; ".join(f"{change.what} ({change.names})" for change in done))
    verified = tool("verify", bucket, "--grace", "0", "--format", "json", user="auditor")
    findings = [line for line in verified.lines if "finding" in line]
    print(tool("verify", bucket, "--grace", "0", user="auditor").out, end="")
    if problems := evidence.difference(done, findings):
        raise SystemExit("`sluice verify` does not report exactly these changes:\n" + "\n".join(problems))


def replan(stack: paths.Stack, found: emulator.Emulator, terraform: Terraform) -> None:
    if changes := deviations.unexpected(terraform.plan("second")):
        raise SystemExit("the second plan would change:\n" + "\n".join(changes))
    print("the second plan is empty, except for what scripts/local/deviations.md lists")
    if problems := wiring.problems(terraform.show()):
        raise SystemExit("AWS would deny what the emulator allows:\n" + "\n".join(problems))
    print("every service has the permissions that it needs")


def destroy(stack: paths.Stack, found: emulator.Emulator, terraform: Terraform) -> None:
    started = time.monotonic()
    terraform.destroy()
    if left := terraform.state():
        raise SystemExit(f"remaining after destroy: {', '.join(left)}")
    print(f"all resources destroyed in {time.monotonic() - started:.0f} s")


def print_commands(stack: paths.Stack, found: emulator.Emulator, terraform: Terraform) -> None:
    print("\n".join(lines(stack)))


def lines(stack: paths.Stack) -> list[str]:
    """Commands to paste after the demo: upload a file, show its outcome, list the quarantine."""
    return [
        f"source {stack.exports.relative_to(paths.ROOT)} && sluice upload --prefix try {FILE}",
        f"for _ in {{1..30}}; do sluice quarantine show try/{Path(FILE).name} 2>/dev/null && break; sleep 1; done",
        "sluice quarantine list",
    ]


def _log(lines: list[dict], last: int = 30) -> str:
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines[-last:])


VERBS = {
    "init": init,
    "plan": plan,
    "apply": apply,
    "run": run,
    "replan": replan,
    "prove": prove,
    "destroy": destroy,
    "try": print_commands,
}

if __name__ == "__main__":
    main()
