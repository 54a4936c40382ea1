use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "wildcard-without-like",
    family: Family::Match,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: Some("WILDCARD_WITHOUT_LIKE_OPERATOR"),
    doc: include_str!("wildcard_without_like.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for condition in policy.statements.iter().flat_map(|s| &s.conditions) {
        let base = condition.base().to_ascii_lowercase();
        if !matches!(
            base.as_str(),
            "stringequals" | "stringnotequals" | "stringequalsignorecase" | "stringnotequalsignorecase"
        ) {
            continue;
        }
        // `${*}` and `${?}` are literal characters.
        let has_wildcard = |t: &str| t.replace("${*}", "").replace("${?}", "").contains(['*', '?']);
        for item in condition.values.iter().filter(|v| has_wildcard(v.raw())) {
            let like = if base.contains("not") { "StringNotLike" } else { "StringLike" };
            let message = format!(
                "`{}` compares the wildcard in `{}` as a literal character",
                condition.operator.text, item.text
            );
            reporter
                .at(item.at, message, format!("use `{like}`, or `${{*}}` for a literal asterisk"))
                .related(condition.operator.at.span, "the operator is here");
        }
    }
}
