//! See the page.
use iam_policy::model::Policy;
use iam_policy::spelling;
use source_text::PLACEHOLDER;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "unknown-operator",
    family: Family::Vocabulary,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("INVALID_CONDITION_OPERATOR"),
    doc: include_str!("unknown_operator.md"),
    check: Check::Policy(check),
};

/// Every operator, without `IfExists` and set prefix.
pub const OPERATORS: &[&str] = &[
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "BinaryEquals",
    "Bool",
    "DateEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateNotEquals",
    "IpAddress",
    "NotIpAddress",
    "Null",
    "NumericEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericNotEquals",
    "StringEquals",
    "StringEqualsIgnoreCase",
    "StringLike",
    "StringNotEquals",
    "StringNotEqualsIgnoreCase",
    "StringNotLike",
];

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    let mut seen = std::collections::HashSet::new();
    for condition in policy.statements.iter().flat_map(|s| &s.conditions) {
        let name = condition.operator.raw();
        if name.contains(PLACEHOLDER) || !seen.insert(condition.operator.at.span) {
            continue;
        }
        if let Some(set) =
            condition.qualifier().filter(|s| !["ForAnyValue", "ForAllValues"].iter().any(|k| k.eq_ignore_ascii_case(s)))
        {
            reporter.at(
                condition.operator.at,
                format!("`{set}` is no set operator"),
                "take `ForAnyValue` or `ForAllValues`",
            );
        }
        let base = condition.base();
        if !OPERATORS.iter().any(|o| o.eq_ignore_ascii_case(base)) {
            let near = spelling::closest(base, OPERATORS.iter().copied());
            let near = near.or_else(|| guess(base));
            let help = near.map_or_else(
                || String::from("take one of IAM's condition operators, as in `StringEquals`"),
                |n| format!("did you mean `{n}`?"),
            );
            reporter.at(condition.operator.at, format!("there is no condition operator `{base}`"), help);
        } else if base.eq_ignore_ascii_case("Null") && condition.if_exists() {
            let message = "`Null` asks whether the key exists; `IfExists` cannot be added to it";
            reporter.at(condition.operator.at, message, "write `Null`").aws("NULL_WITH_IF_EXISTS");
        }
    }
}

fn guess(base: &str) -> Option<&'static str> {
    let folded = base.to_ascii_lowercase();
    let kinds = [
        ("string", "StringLike"),
        ("arn", "ArnLike"),
        ("ip", "IpAddress"),
        ("bool", "Bool"),
        ("date", "DateEquals"),
        ("num", "NumericEquals"),
    ];
    kinds.iter().find(|(start, _)| folded.starts_with(start)).map(|(_, o)| *o)
}
