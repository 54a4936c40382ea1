"""003: the Terraform modules of ingest."""

from __future__ import annotations

from . import Mutation

MODULE = "terraform/modules/ingest"

MUTATIONS = [
    Mutation(
        row="003.1",
        removes="the name of the processing bucket cannot be set",
        file=f"{MODULE}/locals.tf",
        old="coalesce(var.settings.processing_bucket.name, ",
        new="coalesce(",
        test="test_planned_requirements.py::test_buckets_have_the_given_names_and_settings",
    ),
    Mutation(
        row="003.2",
        removes="`versioning` is not refused",
        file=f"{MODULE}/validation.tf",
        old='    "processing_bucket.versioning" = "versioning is always enabled; remove it"\n',
        new="",
        test="test_planned_requirements.py::test_a_setting_for_versioning_is_refused",
    ),
    Mutation(
        row="003.2",
        removes="versioning is not enabled",
        file="terraform/modules/bucket/main.tf",
        old="""  versioning_configuration {
    status = "Enabled\"""",
        new="""  versioning_configuration {
    status = "Suspended\"""",
        test="test_planned_requirements.py::test_versioning_is_always_enabled",
    ),
    Mutation(
        row="003.3",
        removes="the policy of a bucket allows what it denied",
        file="terraform/modules/bucket/main.tf",
        old="""          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*\"""",
        new="""          Effect    = "Allow"
          Principal = "*"
          Action    = "s3:*\"""",
        test="test_planned_requirements.py::test_no_bucket_policy_grants_access_to_the_account",
    ),
    Mutation(
        row="003.5",
        removes="equal names are accepted",
        file="terraform/modules/settings/names.tf",
        old="        valid   = var.names[label].name != var.names[other].name",
        new="        valid   = true",
        test="test_planned_requirements.py::test_equal_bucket_names_are_refused",
    ),
    Mutation(
        row="003.6",
        removes="a table without a sort key",
        file=f"{MODULE}/main.tf",
        old='local.settings.table.range_key == "" ? null : local.settings.table.range_key',
        new="local.settings.table.range_key",
        test="test_planned_requirements.py::test_the_sort_key_is_optional",
    ),
    Mutation(
        row="003.7",
        removes="the replicas",
        file=f"{MODULE}/main.tf",
        old="    for_each = toset(local.settings.table.replica_regions)",
        new="    for_each = toset([])",
        test="test_planned_requirements.py::test_the_table_is_on_demand_with_both_keys_and_replicas",
    ),
    Mutation(
        row="003.7",
        removes="billing on demand",
        file=f"{MODULE}/main.tf",
        old='  billing_mode = "PAY_PER_REQUEST"',
        new='  read_capacity = 5\n  write_capacity = 5\n  billing_mode = "PROVISIONED"',
        test="test_planned_requirements.py::test_the_table_is_on_demand_with_both_keys_and_replicas",
    ),
    Mutation(
        row="003.8",
        removes="the pattern of an `ItemID`",
        file="terraform/examples/eventpulse/music-item.schema.json",
        old='"pattern": "^(TRACK|ALBUM)#.+$", ',
        new="",
        test="ingest::validation::the_example_schema_takes_music_items",
    ),
    Mutation(
        row="003.10",
        removes="the bucket sends no events",
        file=f"{MODULE}/main.tf",
        old="  eventbridge            = true",
        new="  eventbridge            = false",
        test="test_planned_requirements.py::test_the_processing_bucket_sends_events_to_the_function",
    ),
    Mutation(
        row="003.17",
        removes="the addresses are not subscribed",
        file="terraform/modules/topic/main.tf",
        old="  for_each = toset(var.emails)",
        new="  for_each = toset([])",
        test="test_planned_requirements.py::test_the_addresses_are_subscribed_and_the_function_may_publish",
    ),
    Mutation(
        row="003.18",
        removes="the permission to publish",
        file=f"{MODULE}/iam.tf",
        old='      { Sid = "Notify", Effect = "Allow", Action = "sns:Publish", Resource = local.arn.topic },\n',
        new="",
        test="test_planned_requirements.py::test_the_addresses_are_subscribed_and_the_function_may_publish",
    ),
    Mutation(
        row="003.19",
        removes="least privilege",
        file=f"{MODULE}/iam.tf",
        old='{ Sid = "StoreItem", Effect = "Allow", Action = "dynamodb:PutItem", Resource = local.arn.table }',
        new='{ Sid = "StoreItem", Effect = "Allow", Action = "dynamodb:*", Resource = "*" }',
        test="test_planned_requirements.py::test_the_function_is_packaged_with_least_privilege",
    ),
    Mutation(
        row="003.22",
        removes="the uploader can delete too",
        file=f"{MODULE}/iam.tf",
        old='{ Sid = "Upload", Effect = "Allow", Action = "s3:PutObject", ',
        new='{ Sid = "Upload", Effect = "Allow", Action = ["s3:PutObject", "s3:DeleteObject"], ',
        test="test_planned_requirements.py::test_the_upload_user_only_assumes_the_uploader_role",
    ),
    Mutation(
        row="003.22",
        removes="the user is not created",
        file=f"{MODULE}/iam.tf",
        old="  count = var.settings.uploader_user == null ? 0 : 1",
        new="  count = 0",
        test="test_planned_requirements.py::test_the_upload_user_only_assumes_the_uploader_role",
    ),
    Mutation(
        row="003.24",
        removes="the ARN of the quarantine bucket",
        file=f"{MODULE}/outputs.tf",
        old="    quarantine_bucket_arn = module.quarantine.arn\n",
        new="",
        test="test_planned_requirements.py::test_the_outputs_have_what_the_commands_read",
    ),
]
