"""Where things are: the checkout, and one state folder per stack under `.local/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"
DIST = ROOT / "dist"
BIN = LOCAL / "bin"  # what was built last
LOCAL_DIST = LOCAL / "dist"  # never in DIST: what is built for this machine alone must not be applied to AWS
STACKS = ("dev", "demo", "test", "spare", "alone", "settings", "audits", "faults", "readme")


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
        """The process groups of commands that run on this stack, one a line: whoever ends it ends them too."""
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
        """The logs of the stack that was ended last."""
        return self.folder / "last"

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def trust(self) -> Path:
        """The local CA together with the machine's own, for tools that read one file only."""
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
        """What `terraform output -json` prints of what is deployed."""
        return self.folder / "outputs.json"

    @property
    def exports(self) -> Path:
        return self.folder / "env"


def stack(name: str) -> Stack:
    if name not in STACKS:
        raise SystemExit(f"`{name}` is no stack: use one of {', '.join(STACKS)}")
    return Stack(name)
