use iam_policy::model::{Item, Policy};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "broken-variable",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("MISSING_BRACE"),
    doc: include_str!("broken_variable.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for statement in &policy.statements {
        let values = statement.conditions.iter().flat_map(|c| &c.values);
        for item in statement.resources.iter().flat_map(|r| &r.items).chain(values) {
            let mut rest = item.raw();
            while let Some((_, after)) = rest.split_once("${") {
                let Some((inside, tail)) = after.split_once('}') else {
                    reporter.at(
                        item.at,
                        format!("the variable in `{}` has no closing brace", item.text),
                        "close it with `}`",
                    );
                    break;
                };
                check_variable(item, inside, reporter);
                rest = tail;
            }
        }
        let actions = statement.actions.iter().flat_map(|a| &a.items);
        let principals = statement.principals.iter().flat_map(|p| &p.items).map(|p| &p.item);
        for item in actions.chain(principals).filter(|i| has_variable(i.raw())) {
            let message = format!("`{}` has a variable in an element that does not support variables", item.text);
            let help = "write the name: variables are replaced only in `Resource` and `Condition`";
            reporter.at(item.at, message, help).aws("VARIABLE_UNSUPPORTED_IN_ELEMENT");
        }
    }
}

/// Whether a text has an IAM policy variable, as opposed to the placeholder of a template.
pub(crate) fn has_variable(text: &str) -> bool {
    text.split("${").skip(1).any(|v| v.split('}').next().is_some_and(|inside| inside.contains(':')))
}

/// Characters that no condition key contains.
const INVALID_CHARACTERS: &str = "${}#!%^&*?()[]<>|~`\"\\";

/// Checks the text between the braces: a key, optionally followed by a comma and a quoted default value.
fn check_variable(item: &Item, inside: &str, reporter: &mut Reporter<'_>) {
    if inside.trim().is_empty() {
        let message = format!("a variable in `{}` is empty", item.text);
        reporter.at(item.at, message, "name a condition key, as in `${aws:username}`").aws("EMPTY_VARIABLE");
        return;
    }
    let (key, default) = inside.split_once(',').map_or((inside, None), |(k, d)| (k, Some(d.trim())));
    let quoted = |d: &str| d.len() > 1 && d.starts_with('\'') && d.ends_with('\'');
    if default.is_some_and(|d| !quoted(d)) {
        let message = format!("the default value of the variable in `{}` is not quoted", item.text);
        reporter.at(item.at, message, format!("write `${{{}, 'default'}}`", key.trim())).aws("MISSING_QUOTE");
    } else if let Some(symbol) = key.chars().find(|c| INVALID_CHARACTERS.contains(*c)).filter(|_| key.len() > 1) {
        let message = format!("the variable in `{}` contains `{symbol}`", item.text);
        let help = "write one condition key between the braces; nested variables are not replaced";
        reporter.at(item.at, message, help).aws("UNSUPPORTED_SYMBOL_IN_VARIABLE");
    } else if key.trim_end().contains(' ') || key.starts_with(' ') {
        let message = format!("the key of the variable in `{}` contains a space", item.text);
        let joined: String = key.split_whitespace().collect();
        reporter.at(item.at, message, format!("write `${{{joined}}}`")).aws("UNSUPPORTED_SPACE_IN_VARIABLE");
    }
}
