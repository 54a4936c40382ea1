"""001: the Terraform modules of provenance."""

from __future__ import annotations

from . import Mutation

MODULE = "terraform/modules/provenance"

MUTATIONS = [
    Mutation(
        row="001.1",
        removes="the S3 Bucket Key",
        file="terraform/modules/bucket/main.tf",
        old="    bucket_key_enabled = var.key_arn != null",
        new="    bucket_key_enabled = false",
        test="test_planned_requirements.py::test_the_data_bucket_uses_the_key_with_a_bucket_key",
    ),
    Mutation(
        row="001.1",
        removes="versioning",
        file="terraform/modules/bucket/main.tf",
        old="""  versioning_configuration {
    status = "Enabled\"""",
        new="""  versioning_configuration {
    status = "Suspended\"""",
        test="blocks.tftest.hcl::bucket",
    ),
    Mutation(
        row="001.2",
        removes="reads are not logged",
        file=f"{MODULE}/cloudtrail.tf",
        old='{ "resources.ARN" = { starts_with = local.trail_object_arns } }',
        new='{ readOnly = { equals = ["false"] }, "resources.ARN" = { starts_with = local.trail_object_arns } }',
        test="test_sql.py::test_the_trail_logs_reads_and_writes_of_all_objects_and_not_its_own",
    ),
    Mutation(
        row="001.3",
        removes="the table of the trail",
        file=f"{MODULE}/athena.tf",
        old='  name          = "cloudtrail_logs"',
        new='  name          = "other_logs"',
        test="test_sql.py::test_the_table_covers_every_day",
    ),
    Mutation(
        row="001.6",
        removes="a user of IAM Identity Center cannot assume the roles",
        file="terraform/modules/assumable-role/main.tf",
        old="  trusted           = { AWS = var.principals }",
        new='  trusted           = { AWS = [for arn in var.principals : arn if !strcontains(arn, "/aws-reserved/")] }',
        test="test_planned_requirements.py::test_roles_are_for_users_of_identity_center",
    ),
    Mutation(
        row="001.7",
        removes="the folders `processed/` and `test/`",
        file=f"{MODULE}/variables.tf",
        old='      folders = optional(list(string), ["processed/", "test/"])',
        new="      folders = optional(list(string), [])",
        test="test_planned_requirements.py::test_the_data_bucket_has_its_folders",
    ),
    Mutation(
        row="001.12",
        removes="the event rule takes keys outside the watched prefixes",
        file="terraform/modules/object-consumer/main.tf",
        old="          [for prefix in each.value.prefixes : { prefix = prefix }],",
        new='          [for prefix in each.value.prefixes : { prefix = "" }],',
        test="test_planned_requirements.py::test_the_event_rules_match_the_watched_prefixes_only",
    ),
    Mutation(
        row="001.13",
        removes="the table has no hash",
        file=f"{MODULE}/table_columns.tf",
        old='    ["sha256", "string"],\n',
        new="",
        test="test_sql.py::test_the_receipts_table_has_the_fields_of_a_receipt",
    ),
    Mutation(
        row="001.16",
        removes="the permission to write a receipt",
        file=f"{MODULE}/iam.tf",
        old='{ Sid = "WriteReceipt", Effect = "Allow", Action = "s3:PutObject", ',
        new='{ Sid = "WriteReceipt", Effect = "Deny", Action = "s3:PutObject", ',
        test="test_planned_requirements.py::test_the_function_of_provenance_has_its_permissions",
    ),
    Mutation(
        row="001.16",
        removes="the table has one day only",
        file=f"{MODULE}/athena.tf",
        old='    location      = "s3://${local.name.trail_bucket}/${local.trail_prefix}"',
        new='    location      = "s3://${local.name.trail_bucket}/${local.trail_prefix}eu-central-1/2026/11/23/"',
        test="test_sql.py::test_the_table_covers_every_day",
    ),
    Mutation(
        row="001.16",
        removes="events of objects under one prefix only",
        file=f"{MODULE}/cloudtrail.tf",
        old='"arn:${local.deployment.partition}:s3:::${watch.bucket}/"]',
        new='"arn:${local.deployment.partition}:s3:::${watch.bucket}/incoming/"]',
        test="test_sql.py::test_the_trail_logs_reads_and_writes_of_all_objects_and_not_its_own",
    ),
]
