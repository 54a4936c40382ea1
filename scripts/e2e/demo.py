"""The demo's steps, one a verb, in the order of scripts/demo."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from . import accounts, deviations, emulator, environment, evidence, facts, paths, report, wiring
from .deployment import Deployment
from .evidence import Version
from .inbox import Inbox
from .run import drained, play
from .sluice import Sluice
from .terraform import Terraform

FILE = "lambdas/ingest/tests/items/4EVR-bare-list.json"
ARRIVED = "arrived.json"  # the provenance's files, and when the last one had its receipt (of the monotonic clock)


def main() -> None:
    parser = argparse.ArgumentParser(prog="e2e.demo")
    parser.add_argument("verb", choices=sorted(VERBS))
    parser.add_argument("stack", choices=paths.STACKS)
    arguments = parser.parse_args()
    stack = paths.stack(arguments.stack)
    found = emulator.running(stack)
    if found is None:
        raise SystemExit(f"the stack `{stack.name}` does not run: scripts/local/up {stack.name}")
    VERBS[arguments.verb](stack, found, Terraform(stack, found, accounts.load(stack)["deployer"]))


def init(stack: paths.Stack, found: emulator.Emulator, terraform: Terraform) -> None:
    terraform.init()
    print("the root module is initialised in a folder of its own")


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
    """From now on `source .local/STACK/env` is for whoever tries what is deployed, and no more for its deployer."""
    named = {name: {"value": value} for name, value in outputs.items()}
    stack.outputs.write_text(json.dumps(named, indent=2) + "\n")
    stack.exports.write_text(environment.visit(stack, found, accounts.load(stack)["visitor"]))


def run(stack: paths.Stack, found: emulator.Emulator, terraform: Terraform) -> None:
    deployment = Deployment(stack, found, terraform.outputs())
    inbox = Inbox.open(deployment)
    started = time.monotonic()
    played = play(deployment, inbox)
    print(report.table(played.outcomes))
    dead = facts.depth(deployment, deployment.ingest.dead_letters_url)
    print(f"{len(played.outcomes)} files and events in {time.monotonic() - started:.1f} s, {dead} dead letters")
    if problems := report.difference(played.outcomes):
        raise SystemExit(
            f"not what had to become of them:\n{problems}\nthe function's log:\n{_log(played.world.lines)}"
        )
    if dead or not drained(deployment):
        raise SystemExit(f"messages are left: {dead} dead letters\nthe function's log:\n{_log(played.world.lines)}")
    versions = evidence.arrive(deployment)
    print(f"{len(versions)} files arrived for the provenance, each has its receipt")
    arrived = {"at": time.monotonic(), "versions": [(one.bucket, one.key, one.version_id) for one in versions]}
    (stack.folder / ARRIVED).write_text(json.dumps(arrived))


def prove(stack: paths.Stack, found: emulator.Emulator, terraform: Terraform) -> None:
    """Receipts and manifests agree with what is there; then somebody tampers, and exactly that is found."""
    deployment = Deployment(stack, found, terraform.outputs())
    tool = Sluice(deployment, stack.outputs, stack.folder)
    bucket = f"s3://{deployment.provenance.data}/"
    arrived = json.loads((stack.folder / ARRIVED).read_text())
    versions = [Version(*names, evidence.FILES[names[1]]) for names in arrived["versions"]]
    print("the ledger takes what is older than a minute: something may be on its way", flush=True)
    evidence.seal(deployment, since=arrived["at"])
    verified = tool("verify", bucket, user="auditor")
    print(verified.out, end="")
    if verified.code != 0:
        raise SystemExit(f"verify found what nobody did (exit {verified.code}): {verified.err}")
    done = evidence.tamper(deployment, versions)
    print("somebody tampers: " + "; ".join(f"{one.what} ({one.names})" for one in done))
    verified = tool("verify", bucket, "--grace", "0", "--format", "json", user="auditor")
    findings = [line for line in verified.lines if "finding" in line]
    print(tool("verify", bucket, "--grace", "0", user="auditor").out, end="")
    if problems := evidence.difference(done, findings):
        raise SystemExit("verify did not find exactly what was done:\n" + "\n".join(problems))


def replan(stack: paths.Stack, found: emulator.Emulator, terraform: Terraform) -> None:
    if changes := deviations.unexpected(terraform.plan("second")):
        raise SystemExit("the second plan wants to change:\n" + "\n".join(changes))
    print("the second plan is empty, but for what scripts/local/deviations.md lists")
    if problems := wiring.problems(terraform.show()):
        raise SystemExit("AWS would refuse what passes here:\n" + "\n".join(problems))
    print("every service is let in where it has to be")


def destroy(stack: paths.Stack, found: emulator.Emulator, terraform: Terraform) -> None:
    started = time.monotonic()
    terraform.destroy()
    if left := terraform.state():
        raise SystemExit(f"left after destroy: {', '.join(left)}")
    print(f"everything destroyed in {time.monotonic() - started:.0f} s")


def invite(stack: paths.Stack, found: emulator.Emulator, terraform: Terraform) -> None:
    print("\n".join(lines(stack)))


def lines(stack: paths.Stack) -> list[str]:
    """What to paste after the demo: a file is uploaded, then its outcome shown, then the quarantine."""
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
    "try": invite,
}

if __name__ == "__main__":
    main()
