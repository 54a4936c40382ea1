//! See the page.
use crate::model::{At, Policy, members_at};
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};
use crate::value::{Data, Member};

/// The rule.
pub static RULE: Rule = Rule {
    name: "empty-element",
    family: Family::Redundancy,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: Some("EMPTY_ARRAY_ACTION"),
    doc: include_str!("empty_element.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    for (written, at) in policy.written() {
        for (member, at) in members_at(written, at.trail) {
            judge(member, at, out);
            if member.key.raw().to_ascii_lowercase().ends_with("principal") {
                members_at(&member.value, at.trail).for_each(|(sort, at)| judge(sort, at, out));
            }
            if !member.key.raw().eq_ignore_ascii_case("Condition") {
                continue;
            }
            for (operator, at) in members_at(&member.value, at.trail) {
                judge(operator, at, out);
                members_at(&operator.value, at.trail).for_each(|(key, at)| judge(key, at, out));
            }
        }
    }
}

fn judge(member: &Member, at: At, out: &mut Out<'_>) {
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
    let at = At { span: member.value.span, ..at };
    out.at(at, format!("`{}` is {what}", member.key), "add a value, or remove the element")
        .aws(code)
        .severity(severity);
}
