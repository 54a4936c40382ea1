use iam_policy::model::{NodeSpan, Policy, members_at};
use source_text::{Data, Member};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "empty-element",
    family: Family::Redundancy,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: Some("EMPTY_ARRAY_ACTION"),
    doc: include_str!("empty_element.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for (written, at) in policy.raw_statements() {
        for (member, at) in members_at(written, at.node_path) {
            check_member(member, at, reporter);
            if member.key.raw().to_ascii_lowercase().ends_with("principal") {
                members_at(&member.value, at.node_path)
                    .for_each(|(principal, at)| check_member(principal, at, reporter));
            }
            if !member.key.raw().eq_ignore_ascii_case("Condition") {
                continue;
            }
            for (operator, at) in members_at(&member.value, at.node_path) {
                check_member(operator, at, reporter);
                members_at(&operator.value, at.node_path).for_each(|(key, at)| check_member(key, at, reporter));
            }
        }
    }
}

fn check_member(member: &Member, at: NodeSpan, reporter: &mut Reporter<'_>) {
    let mut severity = Severity::Warning;
    let (what, code) = match &member.value.data {
        Data::Array(list) if list.is_empty() => ("an empty list", "EMPTY_ARRAY_ACTION"),
        Data::Object(members) if members.is_empty() => ("an empty object", "EMPTY_OBJECT_CONDITION"),
        Data::String(text) if text.raw().is_empty() && member.key.raw().eq_ignore_ascii_case("Sid") => {
            severity = Severity::Note;
            ("empty", "EMPTY_SID_VALUE")
        }
        _ => return,
    };
    let code = match member.key.raw().to_ascii_lowercase().as_str() {
        "resource" | "notresource" => "EMPTY_ARRAY_RESOURCE",
        "principal" | "notprincipal" => "EMPTY_OBJECT_PRINCIPAL",
        "aws" | "service" | "federated" | "canonicaluser" => "EMPTY_ARRAY_PRINCIPAL",
        "action" | "notaction" | "condition" | "sid" => code,
        _ => "EMPTY_ARRAY_CONDITION",
    };
    let at = NodeSpan { span: member.value.span, ..at };
    reporter
        .at(at, format!("`{}` is {what}", member.key), "add a value, or remove the element")
        .aws(code)
        .severity(severity);
}
