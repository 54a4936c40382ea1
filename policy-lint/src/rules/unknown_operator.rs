use iam_policy::model::Policy;
use iam_policy::spelling;
use source_text::PLACEHOLDER;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "unknown-operator",
    family: Family::Vocabulary,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("INVALID_CONDITION_OPERATOR"),
    doc: include_str!("unknown_operator.md"),
    check: Check::Policy(check),
};

/// Every condition operator, without the `IfExists` suffix and the set operator prefix.
pub(crate) const OPERATORS: &[&str] = &[
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
                format!("`{set}` is not a set operator"),
                "use `ForAnyValue` or `ForAllValues`",
            );
        }
        let base = condition.base();
        if !OPERATORS.iter().any(|o| o.eq_ignore_ascii_case(base)) {
            let near = spelling::closest(base, OPERATORS.iter().copied()).or_else(|| suggestion_by_type(base));
            let help = near.map_or_else(
                || String::from("use an IAM condition operator, as in `StringEquals`"),
                |n| format!("did you mean `{n}`?"),
            );
            reporter.at(condition.operator.at, format!("`{base}` is not a condition operator"), help);
        } else if base.eq_ignore_ascii_case("Null") && condition.if_exists() {
            let message = "`Null` tests whether the key is present, so `IfExists` cannot be added to it";
            reporter.at(condition.operator.at, message, "use `Null`").aws("NULL_WITH_IF_EXISTS");
        }
    }
}

fn suggestion_by_type(base: &str) -> Option<&'static str> {
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
