"""The operator's tool, for both systems."""

from __future__ import annotations

from . import Mutation

COMMANDS = "crates/sluice/src/commands"

MUTATIONS = [
    Mutation(
        row="001.7",
        removes="`sluice bootstrap --markers` creates no folder",
        file=f"{COMMANDS}/bootstrap/deployment_folders.rs",
        old="        found.push(SystemFolders { system, bucket, keys });",
        new="        drop(SystemFolders { system, bucket, keys });",
        test="sluice::commands::bootstrap::deployment_folders::tests::each_system_that_is_on_has_its_folders",
    ),
    Mutation(
        row="001.8",
        removes="the smoke test does not wait for the events",
        file=f"{COMMANDS}/smoke/evidence_wait.rs",
        old="        !self.receipt && self.requests.is_empty()",
        new="        !self.receipt",
        test="sluice::commands::smoke::evidence_wait::tests::text_and_json_of_the_evidence",
    ),
    Mutation(
        row="001.8",
        removes="the smoke test accepts any encryption",
        file=f"{COMMANDS}/smoke/test_file.rs",
        old="algorithm == Some(&ServerSideEncryption::AwsKms) && key == expected_key && has_bucket_key;",
        new="true;",
        test="sluice::commands::smoke::test_file::tests::the_encryption_must_be_the_deployments",
    ),
    Mutation(
        row="003.20",
        removes="`sluice ingest run-local` has no settings",
        file=f"{COMMANDS}/run_local.rs",
        old="    Settings::read(|name| environment.get(name).cloned())",
        new="    Settings::read(|name| environment.get(name).filter(|_| false).cloned())",
        test="sluice::commands::run_local::tests::settings_are_read_from_the_environment_in_the_outputs",
    ),
    Mutation(
        row="003.21",
        removes="the second line for a missing file",
        file=f"{COMMANDS}/upload/plan.rs",
        old="File not found: {name}\\nPath {name} does not produce a JSON file.{hint}",
        new="File not found: {name}.{hint}",
        test="sluice::commands::upload::plan::tests::problems_begin_with_the_messages_of_the_first_tool",
    ),
    Mutation(
        row="003.21",
        removes="the message about an uploaded file",
        file=f"{COMMANDS}/upload/mod.rs",
        old='format_args!("Successfully uploaded {path} to {location}")',
        new='format_args!("{path} {location}")',
        test="sluice::commands::upload::tests::text_and_json_of_every_file",
    ),
    Mutation(
        row="003.23",
        removes="`sluice quarantine check` has another message",
        file=f"{COMMANDS}/quarantine/lookup.rs",
        old='    format!("Object {} exists in bucket {}.", escape(key), escape(bucket))',
        new='    format!("{} {}", escape(key), escape(bucket))',
        test="sluice::commands::quarantine::release::tests::text_and_json_of_every_release",
    ),
    Mutation(
        row="003.23",
        removes="`sluice quarantine remove` deletes nothing",
        file=f"{COMMANDS}/quarantine/remove.rs",
        old="        quarantine.store.delete_all_versions(bucket, &objects.copy_key).await?;\n",
        new="",
        test="test_sluice_quarantine.py::test_remove_asks_for_confirmation_and_deletes_all_versions",
    ),
    Mutation(
        row="003.25",
        removes="a parameter in the page",
        file="docs/tools.md",
        old="| `--markers` |",
        new="| `--folders` |",
        test="sluice::tools_page::the_page_has_every_parameter",
    ),
]
