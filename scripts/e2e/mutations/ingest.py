"""003: ingest, but for the Terraform modules."""

from __future__ import annotations

from . import Mutation

MUTATIONS = [
    Mutation(
        row="003.4",
        removes="git does not ignore the variables",
        file=".gitignore",
        old="\n*.tfvars\n",
        new="\n",
        test="test_requirements.py::test_settings_of_a_deployment_are_not_committed",
    ),
    Mutation(
        row="003.9",
        removes="a value needs no type",
        file="lambdas/ingest/src/dynamodb_json.rs",
        old='            return self.reject(path, "untyped", message);',
        new="            return message.len();",
        test="ingest::doc_examples::examples_have_the_stated_outcome",
    ),
    Mutation(
        row="003.11",
        removes="a valid item is not stored",
        file="lambdas/ingest/src/protocol/reading.rs",
        old="            Ok(item) => self.store(item),",
        new='            Ok(_item) => self.skipped("not stored"),',
        test="ingest::outcomes::a_valid_object_is_stored_with_its_source",
    ),
    Mutation(
        row="003.12",
        removes="undeclared and untyped attributes are accepted",
        file="lambdas/ingest/src/validate.rs",
        old="        problems.extend(type_problems);",
        new="        problems.clear();",
        test="ingest::outcomes::an_object_with_bare_list_members_is_invalid",
    ),
    Mutation(
        row="003.13",
        removes="a file with the same bytes is not a duplicate",
        file="lambdas/ingest/src/protocol/storing.rs",
        old="            Some(other) if other.sha256.is_some() && other.sha256 == self.source.sha256 => {",
        new="            Some(other) if other.sha256.is_none() && other.sha256 == self.source.sha256 => {",
        test="ingest::outcomes::an_object_with_the_bytes_of_a_stored_one_is_a_duplicate",
    ),
    Mutation(
        row="003.14",
        removes="the source of a quarantined file is not deleted",
        file="lambdas/ingest/src/protocol/finishing.rs",
        old="""        let effect = Effect::DeleteSource(self.source.version.clone());
        self.perform(State::Finishing(Finishing::DeletingSource(verdict)), effect)""",
        new="        Step::Done(verdict)",
        test="ingest::outcomes::an_object_with_the_table_key_of_another_item_is_a_conflict",
    ),
    Mutation(
        row="003.15",
        removes="quarantine is not looked at first",
        file="lambdas/ingest/src/protocol/reading.rs",
        old="""        let effect = Effect::CheckQuarantine(self.source.version.clone());
        self.perform(State::Reading(Reading::CheckingQuarantine), effect)""",
        new="""        let effect = Effect::Read(self.source.version.clone());
        self.perform(State::Reading(Reading::GettingObject), effect)""",
        test="ingest::outcomes::a_quarantined_version_that_is_delivered_again_is_not_validated_again",
    ),
    Mutation(
        row="003.16",
        removes="the line about a stored item",
        file="lambdas/ingest/src/messages.rs",
        old='        EffectResult::Stored => Some("Item inserted successfully into DynamoDB."),',
        new="        EffectResult::Stored => None,",
        test="ingest::formats::a_valid_file_is_stored",
    ),
    Mutation(
        row="003.17",
        removes="no outcome is published",
        file="lambdas/ingest/src/protocol/finishing.rs",
        old="        if !deployment.notify_on.contains(&outcome) {",
        new="        if deployment.notify_on.contains(&outcome) {",
        test="ingest::outcomes::stored_versions_are_published_on_request",
    ),
]
