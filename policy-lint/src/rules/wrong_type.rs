use iam_policy::model::{NodeSpan, Policy, members_at};
use source_text::{Data, Member, Span, Value};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "wrong-type",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("DATA_TYPE_MISMATCH"),
    doc: include_str!("wrong_type.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for (member, at) in policy.members() {
        let here = NodeSpan { span: member.value.span, ..at };
        match member.key.raw().to_ascii_lowercase().as_str() {
            "version" | "id" if !is_string(&member.value) => {
                report(&member.key.to_string(), &member.value, "a string", here, reporter)
            }
            "statement" if !matches!(member.value.data, Data::Array(_) | Data::Object(_) | Data::Unknown(_)) => {
                report("Statement", &member.value, "a statement or a list of them", here, reporter);
            }
            _ => {}
        }
    }
    for (written, at) in policy.raw_statements() {
        match &written.data {
            Data::Object(_) => members_at(written, at.node_path).for_each(|(m, at)| check_element(m, at, reporter)),
            Data::Unknown(_) => {}
            _ if written.span == at.span => report("a statement", written, "an object", at, reporter),
            _ => {}
        }
    }
}

fn is_string(value: &Value) -> bool {
    matches!(value.data, Data::String(_) | Data::Unknown(_))
}

fn report(name: &str, value: &Value, wanted: &str, at: NodeSpan, reporter: &mut Reporter<'_>) {
    // The null default of a variable stands for the value that a caller passes.
    let within =
        |whole: Span| whole.file == value.span.file && whole.start <= value.span.start && value.span.end <= whole.end;
    if matches!(value.data, Data::Null) && !reporter.whole().is_some_and(within) {
        return;
    }
    let at = NodeSpan { span: value.span, ..at };
    reporter.at(at, format!("{name} is {}, not {wanted}", value.kind()), format!("write {wanted}"));
}

fn check_element(member: &Member, at: NodeSpan, reporter: &mut Reporter<'_>) {
    let name = format!("`{}`", member.key);
    match member.key.raw().to_ascii_lowercase().as_str() {
        "sid" | "effect" if !is_string(&member.value) => report(&name, &member.value, "a string", at, reporter),
        "action" | "notaction" | "resource" | "notresource" => check_strings(&name, &member.value, at, reporter),
        "principal" | "notprincipal" => match &member.value.data {
            Data::String(_) | Data::Unknown(_) => {}
            Data::Object(_) => {
                members_at(&member.value, at.node_path).for_each(|(m, at)| check_strings(&name, &m.value, at, reporter))
            }
            _ => report(&name, &member.value, "`*` or an object", at, reporter),
        },
        "condition" => check_condition(&name, &member.value, at, reporter),
        _ => {}
    }
}

fn check_strings(name: &str, value: &Value, at: NodeSpan, reporter: &mut Reporter<'_>) {
    match &value.data {
        Data::Array(list) => list.iter().enumerate().filter(|(_, v)| !is_string(v)).for_each(|(i, v)| {
            let at = NodeSpan { span: v.span, node_path: at.node_path.child(i) };
            report(&format!("an entry of {name}"), v, "a string", at, reporter);
        }),
        _ if is_string(value) => {}
        _ => report(name, value, "a string or a list of strings", at, reporter),
    }
}

fn check_condition(name: &str, value: &Value, at: NodeSpan, reporter: &mut Reporter<'_>) {
    match &value.data {
        Data::Unknown(_) => {}
        Data::Object(_) => {
            for (operator, at) in members_at(value, at.node_path) {
                if !matches!(operator.value.data, Data::Object(_) | Data::Unknown(_)) {
                    report(
                        &format!("`{}`", operator.key),
                        &operator.value,
                        "an object of condition keys",
                        at,
                        reporter,
                    );
                }
                for (key, at) in members_at(&operator.value, at.node_path) {
                    let nested = matches!(key.value.data, Data::Object(_) | Data::Null)
                        || key
                            .value
                            .elements()
                            .iter()
                            .any(|v| matches!(v.data, Data::Object(_) | Data::Array(_) | Data::Null));
                    if !nested && is_mixed(&key.value) {
                        let message = format!("`{}` is compared with values of different JSON types", key.key);
                        reporter
                            .at(NodeSpan { span: key.value.span, ..at }, message, "write all of them as strings")
                            .aws("INVALID_CONDITION_DATA_TYPE");
                    }
                    if nested {
                        report(&format!("`{}`", key.key), &key.value, "a value or a list of values", at, reporter);
                    }
                }
            }
        }
        _ => report(name, value, "an object of operators", at, reporter),
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
