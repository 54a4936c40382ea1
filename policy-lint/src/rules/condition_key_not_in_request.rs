//! See the page.
use crate::catalogue::{Action, Key};
use crate::model::{Condition, Item, Kind, Policy, Statement};
use crate::pattern;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};
use crate::rules::resource_type_mismatch::is_settled;

/// The rule.
pub static RULE: Rule = Rule {
    name: "condition-key-not-in-request",
    family: Family::Match,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("condition_key_not_in_request.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    if policy.kind == Kind::Trust {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.effect.is_some()) {
        for condition in &statement.conditions {
            let vacuous =
                condition.if_exists() || condition.is_negative() || condition.base().eq_ignore_ascii_case("Null");
            let all_values = condition.qualifier().is_some_and(|q| q.eq_ignore_ascii_case("ForAllValues"));
            if !vacuous && !all_values {
                judge(statement, condition, out);
            }
        }
    }
}

fn judge(statement: &Statement, condition: &Condition, out: &mut Out<'_>) {
    let Some(key) = Key::find(condition.key.raw()) else { return };
    if key.is_global() || key.name().starts_with("aws:") {
        return;
    }
    let carries =
        |action: Action| action.keys().any(|k| k == key) || action.resources().any(|r| r.keys().any(|k| k == key));
    let named = || {
        statement.granted().filter(|(i, _)| !pattern::has_wildcard(i.raw())).filter_map(|(i, a)| Some((i, *a.first()?)))
    };
    let without: Vec<(&Item, Action)> = named().filter(|(_, a)| !carries(*a)).collect();
    let Some((item, action)) = without.first() else { return };
    // A `Deny` bites where one of its actions carries the key, and a pattern may stand for such a one.
    if statement.denies() && without.len() < statement.actions.as_ref().map_or(usize::MAX, |a| a.items.len()) {
        return;
    }
    let service = key.name().split(':').next().unwrap_or_default();
    let same_service = named().any(|(_, a)| a.service().prefix() == service);
    let passes_on = key.name().eq_ignore_ascii_case("kms:ViaService");
    if passes_on && action.service().prefix() == "kms" {
        return;
    }
    let others = if without.len() > 1 { format!(" and {} more actions", without.len() - 1) } else { String::new() };
    let message = format!(
        "requests for `{}`{others} never carry `{}`, so they are not {}",
        action.full_name(),
        condition.key.text,
        if statement.denies() { "denied" } else { "allowed" }
    );
    let help = if statement.denies() {
        "use a condition key that requests for the action carry, or a global one"
    } else if same_service {
        "move these actions to a statement without the condition"
    } else {
        "use a condition key of the action's own service, or a global one"
    };
    let finding = out.at(condition.key.at, message, help);
    finding.related(item.at.span, "the action is here");
    if !is_settled(action.service().prefix()) {
        finding.persona(Persona::Pedantic);
    }
}
