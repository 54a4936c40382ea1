"""`terraform validate` and `terraform test` on a copy of the root module, with mocked providers and no backend.

Terraform would start the provider twice for each `run` block, which takes half of the time: one provider process serves
them all instead. `python -m e2e.check FILE…` only runs these files of `terraform/tests`.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from . import processes, results, tfvars_example
from .paths import LOCAL, ROOT
from .terraform import QUICK, cli_config, left_out

FOLDER = LOCAL / "check"
MODULE = FOLDER / "terraform"
GROUPS = FOLDER / "groups"
TIMEOUT_S = 60.0
FILE = re.compile(r"^tests/(\S+\.tftest\.hcl)\.\.\. in progress$")
RUN = re.compile(r'^  run "(\S+)"\.\.\. (pass|fail|skip)$')
OUTCOMES = {"pass": results.PASSED, "fail": results.FAILED, "skip": results.SKIPPED}


def main(files: list[str]) -> None:
    recorder = results.Recorder("terraform")
    end()
    shutil.rmtree(FOLDER, ignore_errors=True)
    # The copy has the same depth as the original, so that relative paths to other files of the repository are valid.
    shutil.copytree(ROOT / "terraform", MODULE, ignore=left_out)
    for sibling in ("docs", "lambdas", "dist"):
        if (ROOT / sibling).exists():
            (FOLDER / sibling).symlink_to(ROOT / sibling)
    (FOLDER / tfvars_example.SCHEMA).write_text(tfvars_example.schema())
    example = tfvars_example.tests(tfvars_example.EXAMPLE.read_text())
    (MODULE / "tests" / "tfvars_example.tftest.hcl").write_text(example)
    config = FOLDER / "terraformrc"
    config.write_text(cli_config())
    # No credentials are needed, and the caller's are not passed on.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))} | {
        "TF_CLI_CONFIG_FILE": str(config),
        "TF_IN_AUTOMATION": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        **QUICK,
    }
    terraform(env, "init", "-input=false", "-backend=false")
    terraform(env, "validate")
    with provider(env) as attached:
        terraform(env | attached, "test", *(f"-filter=tests/{file}" for file in files), recorder=recorder)


def terraform(env: dict[str, str], *arguments: str, recorder: results.Recorder | None = None) -> None:
    command = ["terraform", f"-chdir={MODULE}", *arguments, "-no-color"]
    result = processes.run(command, env, GROUPS)
    if recorder:
        record(result.stdout, recorder)
    if result.returncode:
        raise SystemExit(f"terraform {arguments[0]} failed:\n{result.stdout}{result.stderr}")
    print(result.stdout.strip().splitlines()[-1], flush=True)


def record(output: str, recorder: results.Recorder) -> None:
    """Records each `run` block of the output of `terraform test`."""
    file = ""
    for line in output.splitlines():
        if match := FILE.match(line):
            file = match[1]
        elif match := RUN.match(line):
            recorder.add(OUTCOMES[match[2]], f"{file}::{match[1]}")


@contextmanager
def provider(env: dict[str, str]) -> Iterator[dict[str, str]]:
    """Runs the provider that `init` has installed; the environment with which Terraform uses it."""
    [program] = MODULE.glob(".terraform/providers/registry.terraform.io/hashicorp/aws/*/*/terraform-provider-aws*")
    log = FOLDER / "provider.log"
    silent = dict.fromkeys(("TF_LOG_SDK", "TF_LOG_SDK_PROTO", "TF_LOG_PROVIDER"), "OFF")
    group = processes.start([str(program), "-debug"], env | silent, log, FOLDER)
    with GROUPS.open("a") as notes:
        notes.write(f"{group}\n")
    try:
        deadline = time.monotonic() + TIMEOUT_S
        while not (match := re.search(r"(TF_REATTACH_PROVIDERS)='(.*)'", log.read_text())):
            if time.monotonic() > deadline or group not in processes.ours(group, FOLDER):
                raise SystemExit(f"the provider did not start:\n{log.read_text()}")
            time.sleep(0.1)
        yield {match[1]: match[2]}
    finally:
        processes.end(group, FOLDER)


def end() -> None:
    """Ends the processes that a killed run has left."""
    for group in GROUPS.read_text().split() if GROUPS.exists() else []:
        processes.end(int(group), FOLDER)


if __name__ == "__main__":
    end() if sys.argv[1:] == ["end"] else main(sys.argv[1:])
