//! See the page.
use crate::model::Policy;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

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

fn check(policy: &Policy, out: &mut Out<'_>) {
    for statement in policy.statements.iter().filter(|s| s.allows()) {
        for condition in NAMES.iter().flat_map(|k| statement.conditions_on(k)) {
            if !condition.base().eq_ignore_ascii_case("StringLike") {
                continue;
            }
            for item in condition.values.iter().filter(|v| v.text.is_known()) {
                // What a variable stands for is said by the request's own account, so that it is no wildcard.
                let Some(at) = item.raw().find(['*', '?', '$']).filter(|at| *at < FEWEST) else { continue };
                if item.raw()[at..].starts_with('$') {
                    continue;
                }
                let message = format!("`{}` lets strangers meet `{}`", item.text, condition.key.text);
                out.at(item.at, message, "write the whole name; a wildcard needs six letters before it");
            }
        }
    }
}
