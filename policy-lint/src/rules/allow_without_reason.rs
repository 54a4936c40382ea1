use crate::rule::{Check, Family, Persona, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "allow-without-reason",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("allow_without_reason.md"),
    check: Check::Engine,
};
