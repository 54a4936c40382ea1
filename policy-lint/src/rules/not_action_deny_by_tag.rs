use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "not-action-deny-by-tag",
    family: Family::Match,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: Some("DENY_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE"),
    doc: include_str!("not_action_deny_by_tag.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for statement in policy.statements.iter().filter(|s| s.denies()) {
        let Some(actions) = statement.actions.as_ref().filter(|a| a.negated) else { continue };
        for condition in statement.conditions.iter().filter(|c| !c.is_negative()) {
            let key = condition.key.raw().to_ascii_lowercase();
            let by_tag = key.starts_with("aws:requesttag/") || key.starts_with("aws:resourcetag/");
            let tests_absence = condition.base().eq_ignore_ascii_case("Null");
            if by_tag && !tests_absence && !condition.if_exists() {
                let message =
                    format!("this `Deny` does not apply to actions that do not carry `{}`", condition.key.text);
                let help = "list the actions under `Action`, or also deny requests without the tag (`Null`)";
                reporter.at(condition.key.at, message, help).related(actions.key.span, "`NotAction` is here");
            }
        }
    }
}
