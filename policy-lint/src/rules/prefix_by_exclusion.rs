use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "prefix-by-exclusion",
    family: Family::Exposure,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: Some("S3_PREFIX_IN_NEGATIVE_CONTEXT"),
    doc: include_str!("prefix_by_exclusion.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for statement in policy.statements.iter().filter(|s| s.effect.is_some()) {
        for condition in statement.conditions_on("s3:prefix") {
            let lists_the_rest = statement.allows() == condition.is_negative();
            if lists_the_rest && !condition.base().eq_ignore_ascii_case("Null") {
                let message = "a listing with a shorter prefix, or without a prefix, still returns the excluded keys";
                let help =
                    "name the prefixes that may be listed: `Allow` with `StringLike`, or `Deny` with `StringNotLike`";
                reporter
                    .at(condition.key.at, message, help)
                    .related(condition.operator.at.span, "the operator is here");
            }
        }
    }
}
