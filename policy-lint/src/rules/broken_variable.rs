//! See the page.
use iam_policy::model::{Item, Policy};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

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
                judge(item, inside, reporter);
                rest = tail;
            }
        }
        let actions = statement.actions.iter().flat_map(|a| &a.items);
        let principals = statement.principals.iter().flat_map(|p| &p.items).map(|p| &p.item);
        for item in actions.chain(principals).filter(|i| has_variable(i.raw())) {
            let message = format!("`{}` has a variable where none is replaced", item.text);
            let help = "variables are replaced in `Resource` and `Condition` only; write the name";
            reporter.at(item.at, message, help).aws("VARIABLE_UNSUPPORTED_IN_ELEMENT");
        }
    }
}

/// Whether a text has a variable of IAM, not the placeholder of a template.
pub fn has_variable(text: &str) -> bool {
    text.split("${").skip(1).any(|v| v.split('}').next().is_some_and(|inside| inside.contains(':')))
}

/// What no condition key has in it.
const SYMBOLS: &str = "${}#!%^&*?()[]<>|~`\"\\";

/// What stands between the braces: a key, perhaps with a quoted default behind a comma.
fn judge(item: &Item, inside: &str, reporter: &mut Reporter<'_>) {
    if inside.trim().is_empty() {
        let message = format!("a variable in `{}` is empty", item.text);
        reporter.at(item.at, message, "name a condition key, as in `${aws:username}`").aws("EMPTY_VARIABLE");
        return;
    }
    let (key, default) = inside.split_once(',').map_or((inside, None), |(k, d)| (k, Some(d.trim())));
    let quoted = |d: &str| d.len() > 1 && d.starts_with('\'') && d.ends_with('\'');
    if default.is_some_and(|d| !quoted(d)) {
        let message = format!("the default of the variable in `{}` is not in quotes", item.text);
        reporter.at(item.at, message, format!("write `${{{}, 'default'}}`", key.trim())).aws("MISSING_QUOTE");
    } else if let Some(symbol) = key.chars().find(|c| SYMBOLS.contains(*c)).filter(|_| key.len() > 1) {
        let message = format!("the variable in `{}` has a `{symbol}` in it", item.text);
        let help = "write one condition key between the braces; a variable in a variable is not replaced";
        reporter.at(item.at, message, help).aws("UNSUPPORTED_SYMBOL_IN_VARIABLE");
    } else if key.trim_end().contains(' ') || key.starts_with(' ') {
        let message = format!("the key of the variable in `{}` has a blank in it", item.text);
        let joined: String = key.split_whitespace().collect();
        reporter.at(item.at, message, format!("write `${{{joined}}}`")).aws("UNSUPPORTED_SPACE_IN_VARIABLE");
    }
}
