"""Shows that the tests of docs/requirements.md fail without the capability: `python -m e2e.mutate [ROW…]`.

Copies the checkout to `.local/mutate`, with the build results of the last build. There, each test must pass; then one
mutation at a time is applied, and the test that it names must fail: in an assertion, not because something does not
compile or cannot be planned. Prints a table; exits 1 if a mutation was not detected.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from . import mutations, requirements, results
from .mutations import Mutation
from .paths import LOCAL, ROOT

FOLDER = LOCAL / "mutate"
CHECKOUT = FOLDER / "checkout"
PYTHON = LOCAL / "venv" / "bin" / "python"
TIMEOUT_S = 1800
# How `terraform test` reports what `assert` and `expect_failures` ask for.
ASSERTIONS = ("Error: Test assertion failed", "Error: Missing expected failure")


@dataclass(frozen=True)
class Result:
    outcomes: results.Outcomes
    output: str


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("row", nargs="*", help="for example 003.12; default: all")
    chosen = parser.parse_args().row
    found = [mutation for mutation in mutations.load() if not chosen or mutation.row in chosen]
    if unknown := set(chosen) - {mutation.row for mutation in found}:
        parser.error(f"no mutation for {', '.join(sorted(unknown))}")
    copy_checkout()
    bad = [text for text in unmutated(found) if text]
    if bad:
        raise SystemExit("without a mutation, these tests do not pass:\n" + "\n".join(bad))
    print("\n| row | taken away | test | result | seconds |\n| --- | --- | --- | --- | --- |", flush=True)
    undetected = 0
    for mutation in found:
        begin = time.monotonic()
        verdict = try_mutation(mutation)
        undetected += verdict != "detected"
        seconds = round(time.monotonic() - begin)
        print(f"| {mutation.row} | {mutation.removes} | `{mutation.test}` | {verdict} | {seconds} |", flush=True)
    print(f"\n{len(found) - undetected} of {len(found)} mutations detected")
    sys.exit(1 if undetected else 0)


def copy_checkout() -> None:
    """Makes the copy equal to the checkout. A file that is equal keeps its time, so that cargo does not rebuild it."""
    listed = _git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    files = {name for name in listed if name and (ROOT / name).is_file()}
    CHECKOUT.mkdir(parents=True, exist_ok=True)
    for name in files:
        source, target = ROOT / name, CHECKOUT / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
        elif source.read_bytes() != target.read_bytes():
            shutil.copy(source, target)
    # A repository of its own: some tests ask git for the files of the checkout.
    _git(CHECKOUT, "init", "--quiet")
    _git(CHECKOUT, "add", "--all")
    for name in set(_git(CHECKOUT, "ls-files", "-z").split("\0")) - files - {""}:
        (CHECKOUT / name).unlink(missing_ok=True)
    _git(CHECKOUT, "add", "--all")
    if not (CHECKOUT / "target").exists():
        copy_build_results(ROOT / "target" / "debug", CHECKOUT / "target" / "debug")


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def copy_build_results(source: Path, target: Path) -> None:
    """Copies what cargo needs to build on: no test programs and no incremental state. Libraries, which the compiler
    replaces and never changes, are linked."""
    for name in (".fingerprint", "build"):
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, symlinks=True, dirs_exist_ok=True)
    (target / "deps").mkdir(parents=True, exist_ok=True)
    for file in (source / "deps").glob("*.*"):
        if file.suffix in (".rlib", ".rmeta", ".so"):
            os.link(file, target / "deps" / file.name)
        elif file.suffix == ".d":
            shutil.copy2(file, target / "deps" / file.name)


def unmutated(found: list[Mutation]) -> list[str]:
    """Runs all tests once; what has not passed."""
    bad = []
    for kind in results.KINDS:
        tests = sorted({mutation.test for mutation in found if results.kind_of(mutation.test) == kind})
        if not tests:
            continue
        print(f"running {len(tests)} {kind} tests without a mutation", flush=True)
        result = run(kind, tests)
        not_passed = [test for test in tests if outcome_of(test, result) != results.PASSED]
        bad += [f"{test}: {outcome_of(test, result)}" for test in not_passed]
        if not_passed:
            print(result.output, file=sys.stderr)
    return bad


def try_mutation(mutation: Mutation) -> str:
    file = CHECKOUT / mutation.file
    text = file.read_text()
    if text.count(mutation.old) != 1:
        return f"`old` occurs {text.count(mutation.old)} times in {mutation.file}"
    file.write_text(text.replace(mutation.old, mutation.new))
    try:
        result = run(results.kind_of(mutation.test), [mutation.test])
    finally:
        file.write_text(text)  # with a new time, so that cargo rebuilds it
    log = FOLDER / f"{mutation.row}-{mutation.test.rpartition('::')[2]}.log"
    log.write_text(result.output)
    outcome = outcome_of(mutation.test, result)
    if outcome == results.PASSED:
        return "NOT DETECTED"
    if outcome != results.FAILED:
        return f"INVALID: {outcome}, see {log}"
    if results.kind_of(mutation.test) == "terraform" and not fails_in_assertions(mutation.test, result.output):
        return f"INVALID: not in an assertion, see {log}"
    return "detected"


def outcome_of(test: str, result: Result) -> str:
    cases = {name: outcome for name, outcome in result.outcomes.items() if name == test or name.startswith(f"{test}[")}
    if not cases:
        return "did not run"
    return next((outcome for outcome in cases.values() if outcome != results.PASSED), results.PASSED)


def fails_in_assertions(test: str, output: str) -> bool:
    """Whether all errors of `terraform test` come from assertions, but for those of other `run` blocks."""
    own = f'in run "{test.partition("::")[2]}"'
    errors = re.split(r"^(?=Error: )", output, flags=re.MULTILINE)[1:]
    errors = [error for error in errors if own in error or 'in run "' not in error]
    return bool(errors) and all(error.startswith(ASSERTIONS) for error in errors)


def run(kind: str, tests: list[str]) -> Result:
    """Runs tests of one kind in the copy."""
    folder = FOLDER / "results"
    shutil.rmtree(folder, ignore_errors=True)
    environment = os.environ | {
        "PYTHONPATH": str(CHECKOUT / "scripts"),
        "PYTHONDONTWRITEBYTECODE": "1",
        results.VARIABLE: str(folder),
    }
    environment.pop("CARGO_TARGET_DIR", None)
    output = ""
    for command in commands(kind, tests):
        ran = subprocess.run(
            [str(PYTHON), "-m", *command],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
        )
        output += ran.stdout
    return Result(results.read(folder, kind) or {}, output)


def commands(kind: str, tests: list[str]) -> list[list[str]]:
    files = sorted({test.partition("::")[0] for test in tests})
    if kind == "terraform":
        return [["e2e.check", *files]]
    if kind == "pytest":
        folder = requirements.PYTEST_FOLDER.relative_to(ROOT)
        plugins = ["-p", "no:cacheprovider", "-p", "e2e.pytest_results"]
        return [["pytest", "-q", *plugins, *(f"{folder}/{test}" for test in tests)]]
    return [["e2e.rust_tests", *arguments] for arguments in rust_arguments(tests)]


def rust_arguments(tests: list[str]) -> list[list[str]]:
    """The arguments of `cargo test`: one run for each program. Always of the whole workspace, see Cargo.toml."""
    by_target: dict[tuple[str, ...], list[str]] = {}
    for test in tests:
        target, path = rust_target(test)
        by_target.setdefault(target, []).append(path)
    return [[*target, "--", "--exact", *paths] for target, paths in sorted(by_target.items())]


def rust_target(test: str) -> tuple[tuple[str, ...], str]:
    """How cargo selects the program of a test, and the name of the test in it."""
    folder = requirements.crate_folder(test)
    assert folder, test
    parts = test.split("::")[1:]
    if len(parts) > 1 and (folder / "tests" / f"{parts[0]}.rs").exists():
        return ("--test", parts[0]), "::".join(parts[1:])
    target = ("--lib",) if (folder / "src" / "lib.rs").exists() else ("--bin", folder.name)
    return target, "::".join(parts)


if __name__ == "__main__":
    main()
