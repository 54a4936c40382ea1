use iam_policy::model::{Condition, Policy};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "permissive-wildcard",
    family: Family::Match,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("WILDCARD_USAGE_TOO_PERMISSIVE"),
    doc: include_str!("permissive_wildcard.md"),
    check: Check::Policy(check),
};

/// Keys whose values name one account, organization, network or caller.
const IDENTIFYING_KEYS: &[&str] = &[
    "aws:PrincipalAccount",
    "aws:PrincipalOrgID",
    "aws:ResourceAccount",
    "aws:ResourceOrgID",
    "aws:SourceAccount",
    "aws:SourceOrgID",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:userid",
];

/// Characters that AWS requires before a wildcard.
const MIN_PREFIX: usize = 6;

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for statement in policy.statements.iter().filter(|s| s.allows()) {
        for condition in IDENTIFYING_KEYS.iter().flat_map(|k| statement.conditions_on(k)) {
            check_tag_variables(condition, reporter);
            if !condition.base().eq_ignore_ascii_case("StringLike") {
                continue;
            }
            for item in condition.values.iter().filter(|v| v.text.is_known()) {
                // The value of a variable comes from the request's own account, so it does not act as a wildcard.
                let Some(at) = item.raw().find(['*', '?', '$']).filter(|at| *at < MIN_PREFIX) else { continue };
                if !item.raw()[at..].starts_with('$') {
                    let message = format!(
                        "`{}` also matches values of `{}` owned by other accounts",
                        item.text, condition.key.text
                    );
                    reporter.at(
                        item.at,
                        message,
                        "write the whole value, or at least six characters before the wildcard",
                    );
                }
            }
        }
    }
}

/// Variables whose value is a tag, which the caller may have set.
const TAG_VARIABLES: &[&str] = &["${aws:PrincipalTag/", "${aws:RequestTag/"];

fn check_tag_variables(condition: &Condition, reporter: &mut Reporter<'_>) {
    if condition.is_negative() {
        return;
    }
    for item in condition.values.iter().filter(|v| v.text.is_known()) {
        let early = |v: &&&str| item.raw().find(**v).is_some_and(|at| at < MIN_PREFIX);
        if TAG_VARIABLES.iter().find(early).is_some() {
            let message = format!(
                "the tag in `{}`, which a caller may set, decides the value of `{}`",
                item.text, condition.key.text
            );
            reporter
                .at(item.at, message, "write the whole value, or at least six characters before the variable")
                .aws("VARIABLE_USAGE_TOO_PERMISSIVE");
        }
    }
}
