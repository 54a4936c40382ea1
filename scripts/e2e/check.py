"""`terraform validate` of the root module, of every module and of every example, and `terraform test`.

Everything runs on a copy, with mocked providers and no backend.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import tfvars_example
from .offline import Offline
from .paths import LOCAL

PARALLEL = 4


def main() -> None:
    offline = Offline(LOCAL / "check")
    offline.copy()
    (offline.folder / tfvars_example.SCHEMA).write_text(tfvars_example.schema())
    example = tfvars_example.tests(tfvars_example.EXAMPLE.read_text())
    (offline.root / "tests" / "tfvars_example.tftest.hcl").write_text(example)
    with offline.provider(), ThreadPoolExecutor(PARALLEL) as pool:
        validated = list(pool.map(lambda folder: validate(offline, folder), folders(offline.root)))
        print(f"{len(validated)} root modules, modules and examples are valid", flush=True)
        print(offline.checked(offline.root, "test").strip().splitlines()[-1], flush=True)


def folders(root: Path) -> list[Path]:
    """The root module, every module and every example."""
    return [root, *sorted({path.parent for kind in ("modules", "examples") for path in (root / kind).rglob("*.tf")})]


def validate(offline: Offline, folder: Path) -> None:
    offline.checked(folder, "init", "-input=false", "-backend=false")
    offline.checked(folder, "validate")


if __name__ == "__main__":
    Offline(LOCAL / "check").end() if sys.argv[1:] == ["end"] else main()
