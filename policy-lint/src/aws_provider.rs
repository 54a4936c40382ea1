//! What the provider `aws` adds to Terraform, as far as policies need it.
use iam_policy::catalogue;
use source_text::{Data, Text, Value};
use terraform_eval::{DerivedAttribute, DocumentSource, Provider};

use crate::policy_document;

/// The provider `aws`.
pub(crate) static AWS: Provider = Provider {
    prefix: "aws_",
    aliases: &[
        ("aws_dynamodb_table", "id", "name"),
        ("aws_iam_group", "id", "name"),
        ("aws_iam_instance_profile", "id", "name"),
        ("aws_iam_role", "id", "name"),
        ("aws_iam_user", "id", "name"),
        ("aws_s3_bucket", "id", "bucket"),
    ],
    documents: &[DocumentSource {
        data_type: policy_document::DATA_TYPE,
        attributes: &["json", "minified_json"],
        compose: policy_document::compose,
    }],
    derived: &[DerivedAttribute {
        data_type: "aws_iam_policy",
        attribute: "arn",
        from: "name",
        derive: managed_policy,
    }],
    rejects_duplicate_key: is_policy_word,
};

/// The ARN of an AWS managed policy, by its name.
fn managed_policy(name: &Value) -> Option<Value> {
    let arn = catalogue::managed_policy_arn(name.as_str()?)?;
    Some(Value::new(Data::String(Text::known(arn)), name.span))
}

/// Whether a key belongs to a policy document.
fn is_policy_word(name: &str) -> bool {
    const WORDS: &[&str] = &["aws", "service", "federated", "canonicaluser", "version", "statement", "sid", "effect"];
    const STARTS: &[&str] =
        &["action", "notaction", "resource", "notresource", "principal", "notprincipal", "condition", "string", "arn"];
    let name = name.to_ascii_lowercase();
    name.contains(':') || WORDS.contains(&name.as_str()) || STARTS.iter().any(|s| name.starts_with(s))
}
