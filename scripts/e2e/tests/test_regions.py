"""One configuration with a deployment in each of two Regions, as in terraform/examples/multi-region."""

from __future__ import annotations

from pathlib import Path

from .. import deviations, readback
from ..scenario import music
from ..sluice import Sluice
from .ingest_steps import wait_for_item
from .stacks.regions import REGIONS, TwoRegions


def test_the_second_plan_is_empty(two_regions: TwoRegions) -> None:
    assert deviations.unexpected(two_regions.second_plan) == []


def test_each_region_has_its_own_resources(two_regions: TwoRegions) -> None:
    """Only IAM is global: the names of roles have the Region, and all other names are the same."""
    first, second = (deployment.outputs["ingest"] for deployment in two_regions.deployments.values())
    assert first["function"] == second["function"] and first["table"] == second["table"]
    for region, deployment in two_regions.deployments.items():
        outputs = deployment.outputs
        assert outputs["deployment"]["region"] == region
        roles = [arn for system in ("ingest", "provenance") for arn in outputs[system]["roles"].values() if arn]
        assert roles and all(arn.endswith(f"-{region}") for arn in roles), roles
        location = deployment.client("s3").head_bucket(Bucket=deployment.ingest.processing)["BucketRegion"]
        assert location == region
        function = deployment.client("lambda").get_function_configuration(FunctionName=deployment.ingest.function)
        assert function["FunctionArn"].split(":")[3] == region


def test_each_region_stores_its_files(two_regions: TwoRegions) -> None:
    """A file is stored in the table of its Region only."""
    for region, deployment in two_regions.deployments.items():
        item = (f"In {region}", "ALBUM#One")
        s3 = deployment.client("s3", "uploader-role")
        s3.put_object(Bucket=deployment.ingest.processing, Key="one.json", Body=music(*item))
        wait_for_item(deployment, item)
    for region, deployment in two_regions.deployments.items():
        found = [readback.item(deployment, (f"In {other}", "ALBUM#One")) is not None for other in REGIONS]
        assert found == [other == region for other in REGIONS]


def test_sluice_uses_the_chosen_deployment(two_regions: TwoRegions, tmp_path: Path) -> None:
    """`--deployment` is a key of the output `deployments`; where there are two, it is required."""
    for region, deployment in two_regions.deployments.items():
        sluice = Sluice(deployment, two_regions.outputs, tmp_path)
        item = (f"Sent to {region}", "ALBUM#Two")
        file = sluice.write(f"{region}.json", music(*item))
        sent = sluice.run("upload", str(file), "--deployment", region, user="uploader")
        assert f"s3://{deployment.ingest.processing}/{region}.json" in sent.out
        wait_for_item(deployment, item)
        sluice.run("status", "--deployment", region, user="operator")
        refused = sluice("status", user="operator")
        assert refused.code == 2 and all(key in refused.err for key in REGIONS), refused.err
