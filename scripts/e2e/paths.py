"""The folders of the checkout, and one state folder per stack under `.local/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"
DIST = ROOT / "dist"
BIN = LOCAL / "bin"  # links to the programs of the last build
LOCAL_DIST = LOCAL / "dist"  # apart from DIST: packages built for this machine must not be applied to AWS
STACKS = (
    *("dev", "demo", "test", "spare", "alone", "roles", "settings", "audits", "faults", "readme"),
    *("upgrade", "regions", "imports"),
)


@dataclass(frozen=True)
class Stack:
    """One emulator with everything that belongs to it; stacks never share a file."""

    name: str

    @property
    def folder(self) -> Path:
        return LOCAL / self.name

    @property
    def record(self) -> Path:
        return self.folder / "emulator.json"

    @property
    def groups(self) -> Path:
        """The process groups of commands that run on this stack, one per line; stopping the stack ends them too."""
        return self.folder / "groups"

    @property
    def users(self) -> Path:
        return self.folder / "users.json"

    @property
    def log(self) -> Path:
        return self.folder / "emulator.log"

    @property
    def terraform_log(self) -> Path:
        return self.folder / "terraform.log"

    @property
    def last(self) -> Path:
        """The logs of the previous run of the stack."""
        return self.folder / "last"

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def trust(self) -> Path:
        """The local CA and the CAs that the machine trusts, for tools that read only one file."""
        return self.folder / "trust.pem"

    @property
    def certificate(self) -> Path:
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        return self.folder / "server.key"

    @property
    def scratch(self) -> Path:
        return self.folder / "tmp"

    @property
    def outputs(self) -> Path:
        """The output of `terraform output -json`."""
        return self.folder / "outputs.json"

    @property
    def exports(self) -> Path:
        return self.folder / "env"


def stack(name: str) -> Stack:
    if name not in STACKS:
        raise SystemExit(f"`{name}` is not a stack: use one of {', '.join(STACKS)}")
    return Stack(name)
