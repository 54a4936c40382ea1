use crate::rule::{Check, Family, Persona, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "allow-unused",
    family: Family::Grammar,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("allow_unused.md"),
    check: Check::Engine,
};
