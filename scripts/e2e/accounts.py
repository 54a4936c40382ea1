"""The IAM users of the local account. Only `create` uses the emulator's account root."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import boto3
from botocore.config import Config

from .emulator import Emulator
from .paths import Stack

USERS = ("deployer", "uploader", "operator", "auditor", "visitor")

# The services that apply, destroy and the tests need.
_SERVICES = (
    *("athena", "cloudtrail", "cloudwatch", "dynamodb", "events", "glue", "kms", "lambda", "logs", "s3", "sns"),
    *("sqs", "tag"),
)
_IAM_READ = ("GetRole", "GetPolicy", "ListRoles", "SimulatePrincipalPolicy")


@dataclass(frozen=True)
class Credentials:
    access_key: str
    secret_key: str
    session_token: str | None = None


def create(stack: Stack, emulator: Emulator) -> dict[str, Credentials]:
    """Creates the users as the emulator's account root; writes their access keys to the stack's folder."""
    iam = client("iam", stack, emulator, Credentials(emulator.account, "root"))
    grants = {
        "deployer": _deployer(emulator.account),
        "uploader": _may_assume(emulator.account, "uploader"),
        "operator": _may_assume(emulator.account, "operator"),
        "auditor": _may_assume(emulator.account, "auditor", "uploader"),  # `sluice smoke` needs both
        "visitor": _may_assume(emulator.account, "uploader", "operator", "auditor"),  # for a demo that is kept
    }
    credentials = {}
    for name in USERS:
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(grants[name]))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        credentials[name] = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    stack.users.touch(mode=0o600)
    stack.users.write_text(json.dumps({name: asdict(keys) for name, keys in credentials.items()}, indent=2) + "\n")
    return credentials


def load(stack: Stack) -> dict[str, Credentials]:
    return {name: Credentials(**keys) for name, keys in json.loads(stack.users.read_text()).items()}


def client(service: str, stack: Stack, emulator: Emulator, keys: Credentials):  # noqa: ANN201 - boto3 defines the type at run time
    """A client with only these settings: no profile, no instance metadata, no other endpoint."""
    session = boto3.session.Session(
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.session_token,
        region_name=emulator.region,
    )
    config = Config(
        retries={"max_attempts": 3, "mode": "standard"},
        max_pool_connections=20,
        s3={"addressing_style": "path"},
        proxies={},
    )
    return session.client(service, endpoint_url=emulator.endpoint, verify=str(stack.ca), config=config)


def assume(stack: Stack, emulator: Emulator, keys: Credentials, role_arn: str, session: str) -> Credentials:
    answer = client("sts", stack, emulator, keys).assume_role(RoleArn=role_arn, RoleSessionName=session)
    issued = answer["Credentials"]
    return Credentials(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])


def _deployer(account: str) -> dict:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ManageResources",
                "Effect": "Allow",
                "Action": [f"{service}:*" for service in _SERVICES],
                "Resource": "*",
            },
            {
                "Sid": "ManageOwnIdentities",
                "Effect": "Allow",
                "Action": "iam:*",
                "Resource": [
                    f"arn:aws:iam::{account}:role/sluice-*",
                    f"arn:aws:iam::{account}:policy/sluice-*",
                    f"arn:aws:iam::{account}:user/sluice-*",
                ],
            },
            {
                "Sid": "ReadRoles",
                "Effect": "Allow",
                "Action": [f"iam:{action}" for action in _IAM_READ],
                "Resource": "*",
            },
        ],
    }


def _may_assume(account: str, *roles: str) -> dict:
    ends = ("", "-*")  # with `regional_names`, the name of a role ends in the Region
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AssumeOwnRole",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Resource": [f"arn:aws:iam::{account}:role/sluice-*-{role}{end}" for role in roles for end in ends],
            }
        ],
    }
