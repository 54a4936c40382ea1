"""Every folder of terraform/examples can be initialised and planned as it is, without credentials."""

from __future__ import annotations

import json
import subprocess

import pytest

from .. import build, paths
from ..terraform import ROOT_MODULE
from .stacks.examples import EXAMPLES, ExamplePlan

# Attributes with the text of a policy.
POLICIES = ("assume_role_policy", "policy", "redrive_allow_policy", "resource_policy")
# Their policy is a resource of its own: the provider reports the attribute after it is applied.
POLICY_ELSEWHERE = ("aws_s3_bucket",)
# Lambda writes the policy of a function; its permissions are not known as text.
NO_POLICY_TEXT = ("aws_lambda_permission",)
# Names of older deployments that an example keeps, by example, output and attribute.
KEPT_NAMES = {
    "eventpulse": {
        "ingest": {
            "processing_bucket": "eventpulse-processing-bucket",
            "quarantine_bucket": "eventpulse-quarantine-bucket",
            "table": "event-pulse-table",
            "hash_key": "ArtistID",
            "range_key": "ItemID",
            "function": "eventpulse_process_json_lambda_function",
            "role_arn": "arn:aws:iam::111122223333:role/eventpulse_process_json_lambda_role",
            "log_group": "/aws/lambda/eventpulse_process_json_lambda_function",
            "topic_arn": "arn:aws:sns:us-east-1:111122223333:eventpulse_sns_alert_topic",
        },
    },
    "caa304": {
        "provenance": {
            "data_bucket": "caa304-raw-data",
            "trail_bucket": "caa304-cloudtrail-log",
            "function": "secure-provenance-lambda",
            "log_group": "/aws/lambda/secure-provenance-lambda",
            "prefixes": ["incoming/"],
            "receipts_bucket": "caa304-prod-receipts-us-east-1-111122223333",
        },
    },
    "minimal": {"ingest": {"function": "sluice-dev-ingest"}},
}
# What the functions of the older deployments may use: the buckets, tables and topics by their old names.
KEPT_RESOURCES = {
    "eventpulse": (
        'module.deployment.module.ingest[0].module.function.module.role.aws_iam_role_policy.this["effects"]',
        {
            "arn:aws:s3:::eventpulse-processing-bucket",
            "arn:aws:s3:::eventpulse-processing-bucket/*",
            "arn:aws:s3:::eventpulse-quarantine-bucket",
            "arn:aws:s3:::eventpulse-quarantine-bucket/*",
            "arn:aws:dynamodb:us-east-1:111122223333:table/event-pulse-table",
            "arn:aws:sns:us-east-1:111122223333:eventpulse_sns_alert_topic",
        },
    ),
    "caa304": (
        'module.deployment.module.provenance[0].module.function.module.role.aws_iam_role_policy.this["effects"]',
        {
            "arn:aws:s3:::caa304-raw-data",
            "arn:aws:s3:::caa304-raw-data/incoming/*",
            "arn:aws:s3:::caa304-prod-receipts-us-east-1-111122223333",
            "arn:aws:s3:::caa304-prod-receipts-us-east-1-111122223333/provenance/*",
            "arn:aws:s3:::caa304-prod-receipts-us-east-1-111122223333/journal/*",
        },
    ),
}

# The checks that warn about what an example leaves out. The others have everything that is advised.
WARNINGS = {
    "minimal": {
        "alarm_emails_are_set",
        "ingest_has_an_operator_role",
        "ingest_has_an_uploader_role",
        "notify_emails_are_set",
    },
}


@pytest.fixture(params=EXAMPLES)
def example(request: pytest.FixtureRequest, examples: dict[str, ExamplePlan]) -> ExamplePlan:
    return examples[request.param]


def managed(plan: dict) -> list[dict]:
    return [entry for entry in plan["resource_changes"] if entry["mode"] == "managed"]


def output(plan: dict, name: str) -> dict:
    """The known part of an output."""
    return plan["output_changes"][name]["after"]


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_it_is_planned_without_credentials(example: ExamplePlan) -> None:
    """`terraform init` and `terraform plan` succeed, and everything is created."""
    assert {tuple(entry["change"]["actions"]) for entry in managed(example.plan)} == {("create",)}


def test_every_policy_is_known(example: ExamplePlan) -> None:
    """policy-lint and reviewers see the text of each policy in the plan."""
    found, unknown = [], []
    for entry in managed(example.plan):
        if entry["type"] in (*POLICY_ELSEWHERE, *NO_POLICY_TEXT):
            continue
        for name in POLICIES:
            after, pending = entry["change"]["after"].get(name), entry["change"]["after_unknown"].get(name)
            if pending:
                unknown.append(f"{entry['address']}: {name}")
            elif after:
                found.append(json.loads(after))
    assert not unknown, "\n".join(unknown)
    assert found


def test_policy_lint_passes(example: ExamplePlan) -> None:
    assert example.plan
    command = [str(build.binaries()["policy-lint"]), "check", str(example.file)]
    result = subprocess.run(command, cwd=paths.ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", EXAMPLES)
def test_checks_warn_about_what_is_left_out(name: str, examples: dict[str, ExamplePlan]) -> None:
    failed = [check for check in examples[name].plan["checks"] if check["status"] == "fail"]
    assert {check["address"]["name"] for check in failed} == WARNINGS.get(name, set())


@pytest.mark.parametrize("name", KEPT_NAMES)
def test_names_are_kept(name: str, examples: dict[str, ExamplePlan]) -> None:
    for system, expected in KEPT_NAMES[name].items():
        found = output(examples[name].plan, system)
        assert {attribute: found.get(attribute) for attribute in expected} == expected


@pytest.mark.parametrize("name", KEPT_RESOURCES)
def test_functions_may_use_the_kept_names(name: str, examples: dict[str, ExamplePlan]) -> None:
    """The statements about buckets, tables and topics name the old ones, and no other."""
    address, expected = KEPT_RESOURCES[name]
    [policy] = [
        entry["change"]["after"]["policy"] for entry in managed(examples[name].plan) if entry["address"] == address
    ]
    resources = {
        resource
        for statement in json.loads(policy)["Statement"]
        if statement["Sid"] != "ReadSchema"
        and listed(statement["Action"])[0].split(":")[0] in ("s3", "dynamodb", "sns")
        for resource in listed(statement["Resource"])
    }
    assert resources == expected


def test_eventpulse_keeps_its_replica(examples: dict[str, ExamplePlan]) -> None:
    plan = examples["eventpulse"].plan
    [table] = [entry["change"]["after"] for entry in managed(plan) if entry["type"] == "aws_dynamodb_table"]
    assert output(plan, "deployment")["region"] == "us-east-1"
    assert [replica["region_name"] for replica in table["replica"]] == ["us-east-2"]


def test_both_watches_the_buckets_of_the_ingest(examples: dict[str, ExamplePlan]) -> None:
    plan = examples["both"].plan
    ingest, provenance = output(plan, "ingest"), output(plan, "provenance")
    watched = [watch["bucket"] for watch in provenance["watched"]]
    assert watched == [provenance["data_bucket"], ingest["processing_bucket"], ingest["quarantine_bucket"]]


def test_multi_region_has_no_name_twice(examples: dict[str, ExamplePlan]) -> None:
    """Roles and buckets are global names of an account."""
    entries = managed(examples["multi-region"].plan)
    for kind, attribute in (("aws_iam_role", "name"), ("aws_s3_bucket", "bucket")):
        names = [entry["change"]["after"][attribute] for entry in entries if entry["type"] == kind]
        assert len(names) == len(set(names)) and len(names) > 4, names


def test_the_lock_file_is_committed() -> None:
    """It has the hashes of every platform: those of zip files, and of the unpacked provider where a mirror is used."""
    text = (ROOT_MODULE / ".terraform.lock.hcl").read_text()
    assert text.count('"h1:') >= 10 and text.count('"zh:') >= 10
