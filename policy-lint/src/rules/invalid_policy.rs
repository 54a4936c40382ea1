use crate::rule::{Check, Family, Persona, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "invalid-policy",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("JSON_SYNTAX_ERROR"),
    doc: include_str!("invalid_policy.md"),
    check: Check::Engine,
};
