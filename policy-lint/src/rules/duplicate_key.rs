//! See the page.
use crate::model::{Policy, members_at};
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};
use crate::value::{Trail, Value};

/// The rule.
pub static RULE: Rule = Rule {
    name: "duplicate-key",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("DUPLICATE_KEYS_WITH_DIFFERENT_CASE"),
    doc: include_str!("duplicate_key.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    visit(&policy.root, Trail::default(), out);
}

fn visit(value: &Value, trail: Trail, out: &mut Out<'_>) {
    let members: Vec<_> = members_at(value, trail).collect();
    for (i, (member, at)) in members.iter().enumerate() {
        let name = member.key.raw();
        if let Some((first, _)) = members[..i].iter().find(|(m, _)| m.key.raw().eq_ignore_ascii_case(name)) {
            let message = format!("`{}` stands here a second time", member.key);
            out.at(*at, message, "join the two, or remove one").related(first.key_span, "the first is here");
        }
        visit(&member.value, at.trail, out);
    }
    for (i, element) in value.elements().iter().enumerate() {
        visit(element, trail.child(i), out);
    }
}
