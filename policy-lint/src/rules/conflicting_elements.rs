use iam_policy::model::{Policy, is_key, members_at};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "conflicting-elements",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("UNSUPPORTED_ELEMENT_COMBINATION"),
    doc: include_str!("conflicting_elements.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for (written, at) in policy.raw_statements() {
        for name in ["Action", "Resource", "Principal"] {
            let negation = format!("Not{name}");
            let find = |wanted: &str| members_at(written, at.node_path).find(|(m, _)| is_key(m.key.raw(), wanted));
            if let (Some((plain, _)), Some((_, at))) = (find(name), find(&negation)) {
                let message = format!("the statement has both `{name}` and `{negation}`");
                reporter
                    .at(at, message, "keep one of them, or split the statement in two")
                    .related(plain.key_span, format!("`{name}` is here"));
            }
        }
    }
}
