"""001: provenance, but for the Terraform modules."""

from __future__ import annotations

from . import Mutation

MUTATIONS = [
    Mutation(
        row="001.4",
        removes="the view has no user",
        file="terraform/modules/provenance/sql/cloudtrail_s3_events_flattened.sql",
        old="  useridentity.arn AS user_arn,",
        new="  CAST(NULL AS varchar) AS user_arn,",
        test="test_sql.py::test_user_names",
    ),
    Mutation(
        row="001.5",
        removes="the uploads are not listed latest first",
        file="terraform/modules/provenance/sql/validation.sql",
        old="ORDER BY eventTime DESC",
        new="ORDER BY eventTime",
        test="test_sql.py::test_the_validation_query",
    ),
    Mutation(
        row="001.9",
        removes="the bytes are not hashed",
        file="lambdas/provenance/src/checksum.rs",
        old="            self.sha256.update(chunk);\n",
        new="",
        test="provenance::hashing::every_size_is_hashed_with_and_without_ranges",
    ),
    Mutation(
        row="001.10",
        removes="the receipt has no last modification",
        file="crates/sluice-types/src/receipt.rs",
        old="""    /// When the version was created, as S3 reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]""",
        new="""    /// When the version was created, as S3 reports it.
    #[serde(skip)]""",
        test="sluice_types::records::receipts_and_their_journal_entries",
    ),
    Mutation(
        row="001.11",
        removes="the key of a receipt has no folders",
        file="crates/sluice-types/src/record_key.rs",
        old='        return format!("{prefix}{path}/{name}");',
        new='        return format!("{prefix}{name}");',
        test="sluice_types::records::receipts_and_their_journal_entries",
    ),
    Mutation(
        row="001.12",
        removes="receipts are recorded too",
        file="lambdas/provenance/src/watched.rs",
        old="    if is_evidence(key) {",
        new="    if is_evidence(key) && key.is_empty() {",
        test="provenance::watched::tests::evidence_and_project_files_are_skipped",
    ),
    Mutation(
        row="001.14",
        removes="the ledger does not say who",
        file="terraform/modules/provenance/sql/provenance_ledger.sql",
        old="  created.who AS who,",
        new="  CAST(NULL AS varchar) AS who,",
        test="test_sql.py::test_the_ledger_has_user_hash_time_and_source",
    ),
    Mutation(
        row="001.15",
        removes="a version that differs from its receipt is not found",
        file="crates/sluice/src/commands/verify/versions.rs",
        old="""        if let Some(what) = difference(receipt, listed) {
""",
        new="""        if let Some(what) = difference(receipt, listed).filter(|_| false) {
""",
        test="sluice::commands::verify::versions::tests::a_version_must_equal_its_receipt",
    ),
    Mutation(
        row="001.17",
        removes="the diagram of the architecture",
        file="docs/provenance.md",
        old="```mermaid\nflowchart LR\n",
        new="```\nflowchart LR\n",
        test="test_requirements.py::test_provenance_has_three_diagrams",
    ),
]
