//! See the page.
use iam_policy::model::{Condition, Policy};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "permissive-wildcard",
    family: Family::Match,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("WILDCARD_USAGE_TOO_PERMISSIVE"),
    doc: include_str!("permissive_wildcard.md"),
    check: Check::Policy(check),
};

/// Keys whose values name one account, organization, network or caller.
const NAMES: &[&str] = &[
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

/// Letters that must stand before a wildcard, as AWS asks.
const FEWEST: usize = 6;

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for statement in policy.statements.iter().filter(|s| s.allows()) {
        for condition in NAMES.iter().flat_map(|k| statement.conditions_on(k)) {
            chosen_by_caller(condition, reporter);
            if !condition.base().eq_ignore_ascii_case("StringLike") {
                continue;
            }
            for item in condition.values.iter().filter(|v| v.text.is_known()) {
                // What a variable stands for is said by the request's own account, so that it is no wildcard.
                let Some(at) = item.raw().find(['*', '?', '$']).filter(|at| *at < FEWEST) else { continue };
                if !item.raw()[at..].starts_with('$') {
                    let message = format!("`{}` lets strangers meet `{}`", item.text, condition.key.text);
                    reporter.at(item.at, message, "write the whole name; a wildcard needs six letters before it");
                }
            }
        }
    }
}

/// Variables whose value is a tag, which whoever makes the request may have set.
const CHOSEN: &[&str] = &["${aws:PrincipalTag/", "${aws:RequestTag/"];

fn chosen_by_caller(condition: &Condition, reporter: &mut Reporter<'_>) {
    if condition.is_negative() {
        return;
    }
    for item in condition.values.iter().filter(|v| v.text.is_known()) {
        let early = |v: &&&str| item.raw().find(**v).is_some_and(|at| at < FEWEST);
        if CHOSEN.iter().find(early).is_some() {
            let message = format!("whoever sets the tag in `{}` says what `{}` must be", item.text, condition.key.text);
            reporter
                .at(item.at, message, "write the name; a variable needs six letters before it")
                .aws("VARIABLE_USAGE_TOO_PERMISSIVE");
        }
    }
}
