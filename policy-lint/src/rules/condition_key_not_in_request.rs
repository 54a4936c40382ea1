//! See the page.
use iam_policy::catalogue::{Action, ConditionKey};
use iam_policy::model::{Condition, Item, Policy, PrincipalType, Statement};
use iam_policy::{PolicyKind, pattern};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
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

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if policy.kind == PolicyKind::Trust {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.effect.is_some()) {
        for condition in &statement.conditions {
            let vacuous =
                condition.if_exists() || condition.is_negative() || condition.base().eq_ignore_ascii_case("Null");
            if !vacuous {
                judge(statement, condition, reporter);
                service(statement, condition, reporter);
            }
            if policy.kind == PolicyKind::S3 && condition.key.raw().eq_ignore_ascii_case("s3:ResourceAccount") {
                let message = "`s3:ResourceAccount` is the account of this very bucket, whoever asks";
                reporter
                    .at(condition.key.at, message, "take `aws:PrincipalAccount`, or say it in the policy of who asks")
                    .severity(Severity::Note)
                    .aws("IRRELEVANT_CONDITION_KEY_IN_POLICY");
            }
        }
    }
}

/// Keys about who calls that say nothing when a service does.
const OF_PEOPLE: &[&str] = &["aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths"];

/// A service that comes on its own behalf belongs to no account and to no organization.
fn service(statement: &Statement, condition: &Condition, reporter: &mut Reporter<'_>) {
    let key = condition.key.raw().to_ascii_lowercase();
    let Some(principals) = statement.principals.as_ref().filter(|p| !p.negated && !p.incomplete) else { return };
    let only =
        !principals.items.is_empty() && principals.items.iter().all(|p| p.principal_type == PrincipalType::Service);
    if !statement.allows() || !only || !(OF_PEOPLE.contains(&key.as_str()) || key.starts_with("aws:principaltag/")) {
        return;
    }
    let message =
        format!("`{}` never carries `{}`, so it is not let in", principals.items[0].item.text, condition.key.text);
    let help = match key.as_str() {
        "aws:principalorgid" => "take `aws:SourceOrgID`, the organization for which the service comes",
        "aws:principalorgpaths" => {
            "take `aws:SourceOrgPaths`, the part of the organization for which the service comes"
        }
        _ => "take `aws:SourceAccount` or `aws:SourceArn`, which say for whom the service comes",
    };
    reporter
        .at(condition.key.at, message, help)
        .aws("UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL")
        .related(principals.items[0].item.at.span, "the service is here");
}

fn judge(statement: &Statement, condition: &Condition, reporter: &mut Reporter<'_>) {
    let Some(key) = ConditionKey::find(condition.key.raw()) else { return };
    let by_tag = ["aws:RequestTag/", "aws:ResourceTag/"].iter().any(|f| key.name().starts_with(f));
    if !by_tag && (key.is_global() || key.name().starts_with("aws:")) {
        return;
    }
    let all_values = condition.qualifier().is_some_and(|q| q.eq_ignore_ascii_case("ForAllValues"));
    let carries =
        |action: Action| action.keys().any(|k| k == key) || action.resources().any(|r| r.keys().any(|k| k == key));
    let named = || {
        statement
            .granted_actions()
            .filter(|(i, _)| !pattern::has_wildcard(i.raw()))
            .filter_map(|(i, a)| Some((i, *a.first()?)))
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
    let end = match (all_values, statement.denies()) {
        (true, true) => "denied whatever the condition says",
        (true, false) => "allowed whatever the condition says",
        (false, true) => "not denied",
        (false, false) => "not allowed",
    };
    let (name, key) = (action.full_name(), &condition.key.text);
    let message = format!("requests for `{name}`{others} never carry `{key}`, so they are {end}");
    let help = if statement.denies() {
        "use a condition key that requests for the action carry, or a global one"
    } else if same_service {
        "move these actions to a statement without the condition"
    } else {
        "use a condition key of the action's own service, or a global one"
    };
    let finding = reporter.at(condition.key.at, message, help);
    finding.related(item.at.span, "the action is here");
    if !is_settled(action.service().prefix()) {
        finding.persona(Persona::Pedantic);
    }
}
