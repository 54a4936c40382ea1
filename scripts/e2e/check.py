"""`terraform validate` of the root module, of every module and of every example, and `terraform test`.

Everything runs on a copy, with mocked providers and no backend. `python -m e2e.check FILE…` only runs these files of
`terraform/tests`.
"""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import results, tfvars_example
from .offline import Offline
from .paths import LOCAL

PARALLEL = 4
FOLDERS = ("check", "offline", "settings-only")  # the last two are those of stacks/offline.py
FILE = re.compile(r"^tests/(\S+\.tftest\.hcl)\.\.\. in progress$")
RUN = re.compile(r'^  run "(\S+)"\.\.\. (pass|fail|skip)$')
OUTCOMES = {"pass": results.PASSED, "fail": results.FAILED, "skip": results.SKIPPED}


def main(files: list[str]) -> None:
    recorder = results.Recorder("terraform")
    offline = Offline(LOCAL / "check")
    offline.copy()
    (offline.folder / tfvars_example.SCHEMA).write_text(tfvars_example.schema())
    example = tfvars_example.tests(tfvars_example.EXAMPLE.read_text())
    (offline.root / "tests" / "tfvars_example.tftest.hcl").write_text(example)
    with offline.provider(), ThreadPoolExecutor(PARALLEL) as pool:
        if files:
            validate(offline, offline.root)
        else:
            validated = list(pool.map(lambda folder: validate(offline, folder), folders(offline.root)))
            print(f"{len(validated)} root modules, modules and examples are valid", flush=True)
        tested = offline.run(offline.root, "test", "-no-color", *(f"-filter=tests/{file}" for file in files))
        record(tested.stdout, recorder)
        if tested.returncode:
            raise SystemExit(f"terraform test failed:\n{tested.stdout}{tested.stderr}")
        print(tested.stdout.strip().splitlines()[-1], flush=True)


def folders(root: Path) -> list[Path]:
    """The root module, every module and every example."""
    return [root, *sorted({path.parent for kind in ("modules", "examples") for path in (root / kind).rglob("*.tf")})]


def validate(offline: Offline, folder: Path) -> None:
    offline.checked(folder, "init", "-input=false", "-backend=false")
    offline.checked(folder, "validate")


def record(output: str, recorder: results.Recorder) -> None:
    """Records each `run` block of the output of `terraform test`."""
    file = ""
    for line in output.splitlines():
        if match := FILE.match(line):
            file = match[1]
        elif match := RUN.match(line):
            recorder.add(OUTCOMES[match[2]], f"{file}::{match[1]}")


def end() -> None:
    """Ends what a killed run has left, of these checks and of the end-to-end tests."""
    for name in FOLDERS:
        Offline(LOCAL / name).end()


if __name__ == "__main__":
    end() if sys.argv[1:] == ["end"] else main(sys.argv[1:])
