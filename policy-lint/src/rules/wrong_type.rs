//! See the page.
use crate::model::members_at;
use crate::model::{At, Policy};
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};
use crate::source::Span;
use crate::value::{Data, Member, Value};

/// The rule.
pub static RULE: Rule = Rule {
    name: "wrong-type",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("DATA_TYPE_MISMATCH"),
    doc: include_str!("wrong_type.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    for (member, at) in policy.members() {
        let here = At { span: member.value.span, ..at };
        match member.key.raw().to_ascii_lowercase().as_str() {
            "version" | "id" if !is_text(&member.value) => {
                report(&member.key.to_string(), &member.value, "a string", here, out)
            }
            "statement" if !matches!(member.value.data, Data::Array(_) | Data::Object(_) | Data::Unknown(_)) => {
                report("Statement", &member.value, "a statement or a list of them", here, out);
            }
            _ => {}
        }
    }
    for (written, at) in policy.written() {
        match &written.data {
            Data::Object(_) => members_at(written, at.trail).for_each(|(m, at)| element(m, at, out)),
            Data::Unknown(_) => {}
            _ if written.span == at.span => report("a statement", written, "an object", at, out),
            _ => {}
        }
    }
}

fn is_text(value: &Value) -> bool {
    matches!(value.data, Data::String(_) | Data::Unknown(_))
}

fn report(name: &str, value: &Value, wanted: &str, at: At, out: &mut Out<'_>) {
    // The null default of a variable stands for the value that a caller passes.
    let within =
        |whole: Span| whole.file == value.span.file && whole.start <= value.span.start && value.span.end <= whole.end;
    if matches!(value.data, Data::Null) && !out.whole().is_some_and(within) {
        return;
    }
    let at = At { span: value.span, ..at };
    out.at(at, format!("{name} is {}, not {wanted}", value.kind()), format!("write {wanted}"));
}

fn element(member: &Member, at: At, out: &mut Out<'_>) {
    let name = format!("`{}`", member.key);
    match member.key.raw().to_ascii_lowercase().as_str() {
        "sid" | "effect" if !is_text(&member.value) => report(&name, &member.value, "a string", at, out),
        "action" | "notaction" | "resource" | "notresource" => texts(&name, &member.value, at, out),
        "principal" | "notprincipal" => match &member.value.data {
            Data::String(_) | Data::Unknown(_) => {}
            Data::Object(_) => members_at(&member.value, at.trail).for_each(|(m, at)| texts(&name, &m.value, at, out)),
            _ => report(&name, &member.value, "`*` or an object", at, out),
        },
        "condition" => condition(&name, &member.value, at, out),
        _ => {}
    }
}

fn texts(name: &str, value: &Value, at: At, out: &mut Out<'_>) {
    match &value.data {
        Data::Array(list) => list.iter().enumerate().filter(|(_, v)| !is_text(v)).for_each(|(i, v)| {
            let at = At { span: v.span, trail: at.trail.child(i) };
            report(&format!("an entry of {name}"), v, "a string", at, out);
        }),
        _ if is_text(value) => {}
        _ => report(name, value, "a string or a list of strings", at, out),
    }
}

fn condition(name: &str, value: &Value, at: At, out: &mut Out<'_>) {
    match &value.data {
        Data::Unknown(_) => {}
        Data::Object(_) => {
            for (operator, at) in members_at(value, at.trail) {
                if !matches!(operator.value.data, Data::Object(_) | Data::Unknown(_)) {
                    report(&format!("`{}`", operator.key), &operator.value, "an object of condition keys", at, out);
                }
                for (key, at) in members_at(&operator.value, at.trail) {
                    let nested = matches!(key.value.data, Data::Object(_) | Data::Null)
                        || key
                            .value
                            .elements()
                            .iter()
                            .any(|v| matches!(v.data, Data::Object(_) | Data::Array(_) | Data::Null));
                    if !nested && is_mixed(&key.value) {
                        let message = format!("`{}` is compared with values of different JSON types", key.key);
                        out.at(At { span: key.value.span, ..at }, message, "write all of them as strings")
                            .aws("INVALID_CONDITION_DATA_TYPE");
                    }
                    if nested {
                        report(&format!("`{}`", key.key), &key.value, "a value or a list of values", at, out);
                    }
                }
            }
        }
        _ => report(name, value, "an object of operators", at, out),
    }
}

/// Whether a list has values of more than one of the types string, number and Boolean.
fn is_mixed(value: &Value) -> bool {
    let kind = |v: &Value| match v.data {
        Data::String(_) => Some(0),
        Data::Number(_) => Some(1),
        Data::Bool(_) => Some(2),
        _ => None,
    };
    let mut kinds = value.elements().iter().filter_map(kind);
    kinds.next().is_some_and(|first| kinds.any(|k| k != first))
}
