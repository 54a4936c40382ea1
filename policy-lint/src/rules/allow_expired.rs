use crate::rule::{Check, Family, Persona, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "allow-expired",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("allow_expired.md"),
    check: Check::Engine,
};
