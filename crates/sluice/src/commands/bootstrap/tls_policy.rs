//! The bucket policy statement that denies requests without TLS.

use anyhow::{Context, bail};
use serde_json::{Value, json};

const SID: &str = "DenyInsecureTransport";

/// The policy with the statement added; `None` if a statement already denies such requests.
///
/// # Errors
/// If the current policy is not valid.
pub(crate) fn with_tls_statement(current: Option<&str>, bucket: &str, region: &str) -> anyhow::Result<Option<Value>> {
    let invalid = || format!("the policy of bucket `{bucket}` is not a valid JSON policy: fix it first");
    let mut policy: Value = match current {
        Some(text) => serde_json::from_str(text).with_context(invalid)?,
        None => json!({"Version": "2012-10-17", "Statement": []}),
    };
    let Some(statements) = policy.get_mut("Statement") else {
        bail!(invalid());
    };
    if statements.is_object() {
        *statements = json!([statements.take()]);
    }
    let Some(statement_list) = statements.as_array_mut() else {
        bail!(invalid());
    };
    let arn = format!("arn:{}:s3:::{bucket}", partition(region));
    if statement_list.iter().any(|s| denies_insecure_transport(s, &arn)) {
        return Ok(None);
    }
    let sid = unused_sid(statement_list);
    statement_list.push(json!({
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, format!("{arn}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }));
    Ok(Some(policy))
}

/// The number of statements of a policy, as text.
pub(crate) fn count_text(current: Option<&str>) -> String {
    let policy: Option<Value> = current.and_then(|text| serde_json::from_str(text).ok());
    match policy.as_ref().map(|p| &p["Statement"]) {
        None => "none".to_owned(),
        Some(Value::Array(list)) if list.len() != 1 => format!("{} statements", list.len()),
        Some(_) => "1 statement".to_owned(),
    }
}

fn unused_sid(statements: &[Value]) -> String {
    let used = |sid: &str| statements.iter().any(|s| s["Sid"] == sid);
    let numbered = (2..).map(|number| format!("{SID}{number}"));
    let mut names = std::iter::once(SID.to_owned()).chain(numbered);
    names.find(|sid| !used(sid)).unwrap_or_default()
}

/// Whether the statement denies every request without TLS to the whole bucket.
fn denies_insecure_transport(statement: &Value, arn: &str) -> bool {
    let has = |element: &str, wanted: &str| string_list(&statement[element]).contains(&wanted);
    let is_for_everyone = statement["Principal"] == "*" || string_list(&statement["Principal"]["AWS"]) == ["*"];
    let covers_bucket = has("Resource", "*") || has("Resource", arn) && has("Resource", &format!("{arn}/*"));
    let is_tls_condition = statement["Condition"].as_object().is_some_and(|condition| {
        condition.len() == 1
            && condition.get("Bool").and_then(Value::as_object).is_some_and(|test| {
                test.len() == 1
                    && test.iter().all(|(key, value)| {
                        key.eq_ignore_ascii_case("aws:SecureTransport")
                            && (*value == json!(false) || string_list(value) == ["false"])
                    })
            })
    });
    statement["Effect"] == "Deny"
        && is_for_everyone
        && (has("Action", "s3:*") || has("Action", "*"))
        && covers_bucket
        && is_tls_condition
}

/// A string, or a list of strings.
fn string_list(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

fn partition(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn existing_statements_are_kept() {
        let new = with_tls_statement(None, "b", "eu-central-1").unwrap().unwrap();
        assert_eq!(new["Statement"][0]["Sid"], SID);
        assert_eq!(new["Statement"][0]["Resource"][1], "arn:aws:s3:::b/*");
        assert_eq!(with_tls_statement(Some(&new.to_string()), "b", "eu-central-1").unwrap(), None);
        let own = json!({"Version": "2012-10-17", "Statement": {"Sid": "Mine"}}).to_string();
        let both = with_tls_statement(Some(&own), "b", "eu-central-1").unwrap().unwrap();
        assert_eq!((&both["Statement"][0]["Sid"], &both["Statement"][1]["Sid"]), (&json!("Mine"), &json!(SID)));
        assert!(with_tls_statement(Some("{}"), "b", "eu-central-1").is_err());
        assert_eq!((count_text(None), count_text(Some(&own))), ("none".into(), "1 statement".into()));
        assert_eq!(count_text(Some(&both.to_string())), "2 statements");
    }

    /// The Sid of a statement is not significant.
    #[test]
    fn only_a_complete_deny_statement_counts() {
        let whole = json!({
            "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": ["s3:*"],
            "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
            "Condition": {"Bool": {"aws:securetransport": ["false"]}},
        });
        assert!(denies_insecure_transport(&whole, "arn:aws:s3:::b"));
        for (element, value) in [
            ("Effect", json!("Allow")),
            ("Principal", json!({"AWS": "arn:aws:iam::111122223333:root"})),
            ("Action", json!("s3:GetObject")),
            ("Resource", json!("arn:aws:s3:::b/*")),
            ("Condition", json!({"Bool": {"aws:SecureTransport": "true"}})),
            ("Condition", json!({"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:x": "y"}})),
            ("Condition", Value::Null),
        ] {
            let mut narrower = whole.clone();
            narrower[element] = value;
            assert!(!denies_insecure_transport(&narrower, "arn:aws:s3:::b"), "{element}");
        }
        let mut taken = whole;
        taken["Sid"] = json!(SID);
        taken["Action"] = json!("s3:GetObject");
        let policy = json!({"Statement": [taken]}).to_string();
        let added = with_tls_statement(Some(&policy), "b", "eu-central-1").unwrap().unwrap();
        assert_eq!(added["Statement"][1]["Sid"], "DenyInsecureTransport2");
    }

    #[test]
    fn regions_map_to_partitions() {
        assert_eq!(
            ["eu-west-1", "cn-north-1", "us-gov-west-1", "us-east-1"].map(partition),
            ["aws", "aws-cn", "aws-us-gov", "aws"]
        );
    }
}
