use iam_policy::catalogue::ConditionKey;
use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "string-operator-on-arn-key",
    family: Family::Match,
    severity: Severity::Note,
    persona: Persona::Regular,
    aws: Some("STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS"),
    doc: include_str!("string_operator_on_arn_key.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for condition in policy.statements.iter().flat_map(|s| &s.conditions) {
        let base = condition.base().to_ascii_lowercase();
        let Some(key) = ConditionKey::find(condition.key.raw()).filter(|k| k.kind() == "ARN") else { continue };
        let wild = |text: &str| text.contains('*') && text != "*";
        if matches!(base.as_str(), "stringlike" | "stringnotlike") && condition.values.iter().any(|v| wild(v.raw())) {
            let arn = if base.contains("not") { "ArnNotLike" } else { "ArnLike" };
            let message = format!("`{}` is an ARN compared as a string, in which `*` also matches `:`", key.name());
            let finding = reporter.at(condition.key.at, message, format!("use `{arn}`"));
            if !key.is_global() && !condition.values.iter().any(|v| can_match_colon(v.raw())) {
                finding.persona(Persona::Pedantic);
            }
        }
    }
}

/// Whether a `*` precedes the resource part of the ARN, so that it can match a colon.
fn can_match_colon(arn: &str) -> bool {
    arn.splitn(6, ':').take(5).any(|part| part.contains('*'))
}
