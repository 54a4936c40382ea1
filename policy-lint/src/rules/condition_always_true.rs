use iam_policy::catalogue::ConditionKey;
use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "condition-always-true",
    family: Family::Match,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("condition_always_true.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for condition in policy.statements.iter().filter(|s| s.allows()).flat_map(|s| &s.conditions) {
        let base = condition.base().to_ascii_lowercase();
        let all_values = condition.qualifier().is_some_and(|q| q.eq_ignore_ascii_case("ForAllValues"));
        for item in &condition.values {
            let open = match base.as_str() {
                "stringlike" | "arnlike" | "arnequals" => {
                    let stars = !item.raw().is_empty() && item.raw().bytes().all(|b| b == b'*');
                    stars && (condition.if_exists() || all_values || is_present_when_relevant(condition.key.raw()))
                }
                "ipaddress" => matches!(item.raw(), "0.0.0.0/0" | "::/0" | "0.0.0.0/00"),
                _ => false,
            };
            if open {
                let message = format!(
                    "every request matches `{}` for `{}`, so the condition restricts nothing",
                    item.text, condition.key.text
                );
                reporter.at(item.at, message, "narrow the value, or remove the condition");
            } else if LIKE_OPERATORS.contains(&base.as_str()) && item.raw() == "*" && condition.values.len() == 1 {
                let message = format!("`*` only requires that `{}` is present", condition.key.text);
                let help = format!(
                    "write `\"Null\": {{\"{}\": \"false\"}}` to require the key explicitly",
                    condition.key.text
                );
                reporter.at(item.at, message, help).severity(Severity::Note).aws("EQUIVALENT_TO_NULL_FALSE");
            }
        }
    }
}

/// Operators that compare with wildcards.
const LIKE_OPERATORS: &[&str] = &["stringlike", "arnlike", "arnequals"];

/// Whether requests carry the key whenever its value matters. Only a listing of the whole bucket lacks `s3:prefix`.
fn is_present_when_relevant(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let always = [
        "s3:prefix",
        "aws:sourceip",
        "aws:principalarn",
        "aws:principalaccount",
        "aws:userid",
        "aws:requestedregion",
        "aws:useragent",
        "iam:passedtoservice",
        "sts:externalid",
    ];
    let global = ConditionKey::find(&key).is_some_and(ConditionKey::is_global);
    always.contains(&key.as_str()) && (global || !key.starts_with("aws:"))
}
