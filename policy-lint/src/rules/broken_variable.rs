//! See the page.
use crate::model::Policy;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "broken-variable",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("MISSING_BRACE"),
    doc: include_str!("broken_variable.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    for statement in &policy.statements {
        let values = statement.conditions.iter().flat_map(|c| &c.values);
        for item in statement.resources.iter().flat_map(|r| &r.items).chain(values) {
            let mut rest = item.raw();
            while let Some((_, after)) = rest.split_once("${") {
                let Some((inside, tail)) = after.split_once('}') else {
                    out.at(
                        item.at,
                        format!("the variable in `{}` has no closing brace", item.text),
                        "close it with `}`",
                    );
                    break;
                };
                if inside.trim().is_empty() {
                    let message = format!("a variable in `{}` is empty", item.text);
                    out.at(item.at, message, "name a condition key, as in `${aws:username}`").aws("EMPTY_VARIABLE");
                }
                rest = tail;
            }
        }
    }
}
