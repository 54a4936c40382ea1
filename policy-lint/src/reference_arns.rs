//! The ARNs of references to attributes of Terraform resources.
use iam_policy::arn::NAME;
use source_text::{PLACEHOLDER, Text, Unknown};
use terraform_eval::address::split_reference;

/// Resource types, attributes, and the ARNs that these are; `~` is an unknown name.
const REFERENCES: &[(&str, &str, &str)] = &[
    ("aws_backup_vault", "arn", "arn:*:backup:*:*:backup-vault:~"),
    ("aws_cloudwatch_event_bus", "arn", "arn:*:events:*:*:event-bus/~"),
    ("aws_cloudwatch_log_group", "arn", "arn:*:logs:*:*:log-group:~"),
    ("aws_codebuild_project", "arn", "arn:*:codebuild:*:*:project/~"),
    ("aws_dynamodb_table", "arn", "arn:*:dynamodb:*:*:table/~"),
    ("aws_dynamodb_table", "stream_arn", "arn:*:dynamodb:*:*:table/~/stream/~"),
    ("aws_ecr_repository", "arn", "arn:*:ecr:*:*:repository/~"),
    ("aws_efs_file_system", "arn", "arn:*:elasticfilesystem:*:*:file-system/~"),
    ("aws_iam_policy", "arn", "arn:*:iam::*:policy/~"),
    ("aws_iam_role", "arn", "arn:*:iam::*:role/~"),
    ("aws_iam_user", "arn", "arn:*:iam::*:user/~"),
    ("aws_kinesis_firehose_delivery_stream", "arn", "arn:*:firehose:*:*:deliverystream/~"),
    ("aws_kinesis_stream", "arn", "arn:*:kinesis:*:*:stream/~"),
    ("aws_kms_alias", "arn", "arn:*:kms:*:*:alias/~"),
    ("aws_kms_key", "arn", "arn:*:kms:*:*:key/~"),
    ("aws_lambda_function", "arn", "arn:*:lambda:*:*:function:~"),
    ("aws_opensearch_domain", "arn", "arn:*:es:*:*:domain/~"),
    ("aws_s3_access_point", "arn", "arn:*:s3:*:*:accesspoint/~"),
    ("aws_s3_bucket", "arn", "arn:*:s3:::~"),
    ("aws_secretsmanager_secret", "arn", "arn:*:secretsmanager:*:*:secret:~"),
    ("aws_secretsmanager_secret", "id", "arn:*:secretsmanager:*:*:secret:~"),
    ("aws_sfn_state_machine", "arn", "arn:*:states:*:*:stateMachine:~"),
    ("aws_sns_topic", "arn", "arn:*:sns:*:*:~"),
    ("aws_sns_topic", "id", "arn:*:sns:*:*:~"),
    ("aws_sqs_queue", "arn", "arn:*:sqs:*:*:~"),
    ("aws_ssm_parameter", "arn", "arn:*:ssm:*:*:parameter/~"),
];

/// Replaces policy variables (`${aws:username}`) by a [`PLACEHOLDER`].
fn open_variables(text: String) -> String {
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("${") {
        let Some((_, tail)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push(PLACEHOLDER);
        rest = tail;
    }
    out + rest
}

/// The text with references to attributes replaced by the ARNs that they certainly are.
pub(crate) fn typed(text: &Text) -> String {
    if text.is_known() {
        let known = text.raw().to_owned();
        return if known.contains("${") { open_variables(known) } else { known };
    }
    let mut out = String::new();
    let mut unknowns = text.unknowns().iter();
    for c in text.raw().chars() {
        if c != PLACEHOLDER {
            out.push(c);
            continue;
        }
        let shape = unknowns.next().and_then(|h| h.reference.as_deref()).and_then(shape_of);
        match shape {
            Some(shape) => out.extend(shape.chars().map(|c| if c == '~' { NAME } else { c })),
            None => out.push(PLACEHOLDER),
        }
    }
    if out.contains("${") { open_variables(out) } else { out }
}

/// Whether an unknown value is an attribute whose value is an ARN.
pub(crate) fn is_arn(unknown: &Unknown) -> bool {
    unknown.reference.as_deref().and_then(shape_of).is_some_and(|shape| shape.starts_with("arn:"))
}

fn shape_of(reference: &str) -> Option<&'static str> {
    let (_, kind, attribute) = split_reference(reference)?;
    let name = matches!(attribute, "bucket" | "name" | "account_id" | "region" | "partition").then_some("~");
    REFERENCES.iter().find(|(k, a, _)| *k == kind && *a == attribute).map(|(_, _, shape)| *shape).or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use iam_policy::arn::takes;
    use iam_policy::catalogue::Action;
    use source_text::{Span, TextBuilder};

    #[test]
    fn a_reference_is_an_arn_of_its_type() {
        let unknown =
            |r: &str| Unknown { source: r.to_owned(), reference: Some(format!("module.m.{r}")), ..Unknown::default() };
        let raw = Text::unknown(unknown("aws_s3_bucket.raw.arn"));
        let bucket = typed(&raw);
        assert!(!takes(Action::find("s3:PutObject").unwrap(), &bucket));
        assert!(takes(Action::find("s3:ListBucket").unwrap(), &bucket));
        let mut text = TextBuilder::default();
        text.push(&raw, Span::default());
        text.put("/*", Span::default());
        let text = text.finish();
        assert!(takes(Action::find("s3:PutObject").unwrap(), &typed(&text)));
        assert!(!takes(Action::find("s3:ListBucket").unwrap(), &typed(&text)));
    }
}
