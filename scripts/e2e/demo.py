"""The demo's steps, one a verb, in the order of scripts/demo: plan, apply, run, replan, prove, destroy."""

from __future__ import annotations

import argparse
import json
import time

from . import accounts, deviations, emulator, evidence, facts, paths, report, wiring
from .deployment import Deployment
from .inbox import Inbox
from .run import drained, play
from .sluice import Sluice
from .terraform import Terraform


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


def plan(stack: paths.Stack, found: emulator.Emulator, terraform: Terraform) -> None:
    terraform.init()
    planned = terraform.plan()
    count = sum("create" in change["change"]["actions"] for change in planned["resource_changes"])
    print(f"{count} resources planned, saved in {terraform.plan_file().relative_to(paths.ROOT)}")


def apply(stack: paths.Stack, found: emulator.Emulator, terraform: Terraform) -> None:
    started = time.monotonic()
    terraform.apply()
    outputs = {name: {"value": value} for name, value in terraform.outputs().items()}
    (stack.folder / "outputs.json").write_text(json.dumps(outputs, indent=2) + "\n")
    print(f"{len(terraform.state())} resources in {time.monotonic() - started:.0f} s")


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


def prove(stack: paths.Stack, found: emulator.Emulator, terraform: Terraform) -> None:
    """Receipts and manifests agree with what is there; then somebody tampers, and exactly that is found."""
    deployment = Deployment(stack, found, terraform.outputs())
    tool = Sluice(deployment, stack.folder / "outputs.json", stack.folder)
    bucket = f"s3://{deployment.provenance.data}/"
    versions = evidence.arrive(deployment)
    print(f"{len(versions)} files arrived, each has its receipt; the ledger waits a minute for what is on its way")
    evidence.seal(deployment)
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


def _log(lines: list[dict], last: int = 30) -> str:
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines[-last:])


VERBS = {"plan": plan, "apply": apply, "run": run, "replan": replan, "prove": prove, "destroy": destroy}

if __name__ == "__main__":
    main()
