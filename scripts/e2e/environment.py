"""The environments of child processes and of the user's shell, without the user's credentials."""

from __future__ import annotations

import os
import shlex

from .accounts import Credentials
from .emulator import Emulator
from .paths import BIN, Stack

# The only variables of the caller's environment that are passed on to a tool.
_KEPT = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TERM",
    "TMPDIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
)
_UNSET = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_ROLE_ARN")


def aws(stack: Stack, emulator: Emulator, keys: Credentials) -> dict[str, str]:
    """The variables with which an AWS client uses the stack as one of its users."""
    return {
        "AWS_ENDPOINT_URL": emulator.endpoint,
        "AWS_REGION": emulator.region,
        "AWS_DEFAULT_REGION": emulator.region,
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        **({"AWS_SESSION_TOKEN": keys.session_token} if keys.session_token else {}),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CA_BUNDLE": str(stack.ca),
        "SSL_CERT_FILE": str(stack.trust),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def tool(stack: Stack, emulator: Emulator, keys: Credentials) -> dict[str, str]:
    """The complete environment of a tool that uses the stack."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | aws(stack, emulator, keys)


def visitor_exports(stack: Stack, emulator: Emulator, keys: Credentials) -> str:
    """Shell lines for a user of the deployment, with `sluice` in PATH and its outputs."""
    path = f'export PATH={shlex.quote(str(BIN))}:"$PATH"\n'
    return f"{exports(stack, emulator, keys)}export SLUICE_OUTPUTS={shlex.quote(str(stack.outputs))}\n{path}"


def exports(stack: Stack, emulator: Emulator, keys: Credentials) -> str:
    """Shell lines for `eval`, with the variables of `aws`."""
    lines = [f"unset {' '.join(_UNSET)}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in aws(stack, emulator, keys).items()]
    return "\n".join(lines) + "\n"
