use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "duplicate-sid",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("UNIQUE_SIDS_REQUIRED"),
    doc: include_str!("duplicate_sid.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    let mut seen = std::collections::HashMap::new();
    for sid in
        policy.statements.iter().filter_map(|s| s.sid.as_ref()).filter(|s| s.text.is_known() && !s.raw().is_empty())
    {
        match seen.get(sid.raw()) {
            Some(first) => {
                let message = format!("the `Sid` `{}` is used by two statements", sid.text);
                reporter
                    .at(sid.at, message, "give each statement a unique `Sid`")
                    .related(*first, "the first one is here");
            }
            None => drop(seen.insert(sid.raw(), sid.at.span)),
        }
    }
}
