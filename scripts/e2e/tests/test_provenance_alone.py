"""Provenance without the ingest: receipts next to the data, and no customer managed key."""

from __future__ import annotations

from pathlib import Path

from .. import evidence, wiring
from . import tool_setup
from .stacks.alone import ProvenanceAlone


def test_receipts_next_to_the_data(provenance_alone: ProvenanceAlone, tmp_path: Path) -> None:
    """The receipts are under `provenance/` in the data bucket, and a receipt gets no receipt."""
    deployment = provenance_alone.deployment
    names = deployment.provenance
    assert names.receipts == names.data == "caa304-raw-data"
    sluice = tool_setup.install(deployment, tmp_path)
    verified = sluice("verify", "--grace", "0", user="auditor")
    assert verified.code == 0, verified.out + verified.err
    versions = provenance_alone.versions
    assert set(evidence.keys(deployment, "provenance/")) == {version.receipt_key for version in versions}
    assert len(evidence.keys(deployment, "journal/")) == len(versions)


def test_the_trail_has_management_events(provenance_alone: ProvenanceAlone) -> None:
    """In addition to the data events of the bucket; those of KMS and of the RDS Data API are left out."""
    deployment = provenance_alone.deployment
    trail = deployment.outputs["provenance"]["trail"]
    selectors = deployment.client("cloudtrail").get_event_selectors(TrailName=trail)["AdvancedEventSelectors"]
    found = {
        field["Equals"][0]: {one["Field"]: one for one in selector["FieldSelectors"]}
        for selector in selectors
        for field in selector["FieldSelectors"]
        if field["Field"] == "eventCategory"
    }
    assert set(found) == {"Data", "Management"}
    assert found["Management"]["eventSource"]["NotEquals"] == ["kms.amazonaws.com", "rdsdata.amazonaws.com"]


def test_services_have_the_permissions_they_need(provenance_alone: ProvenanceAlone) -> None:
    assert wiring.problems(provenance_alone.terraform.show()) == []
