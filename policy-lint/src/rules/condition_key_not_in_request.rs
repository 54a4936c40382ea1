use iam_policy::catalogue::{Action, ConditionKey};
use iam_policy::model::{Condition, Item, Policy, PrincipalType, Statement};
use iam_policy::{PolicyKind, pattern};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
use crate::rules::resource_type_mismatch::is_complete;

pub(crate) static RULE: Rule = Rule {
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
            let applies_without_key =
                condition.if_exists() || condition.is_negative() || condition.base().eq_ignore_ascii_case("Null");
            if !applies_without_key {
                check_condition(statement, condition, reporter);
                check_service_principals(statement, condition, reporter);
            }
            if policy.kind == PolicyKind::S3 && condition.key.raw().eq_ignore_ascii_case("s3:ResourceAccount") {
                let message = "`s3:ResourceAccount` is always the account of this bucket, regardless of the caller";
                reporter
                    .at(
                        condition.key.at,
                        message,
                        "use `aws:PrincipalAccount`, or put the condition in the identity policy of the caller",
                    )
                    .severity(Severity::Note)
                    .aws("IRRELEVANT_CONDITION_KEY_IN_POLICY");
            }
        }
    }
}

/// Keys about the calling principal, which are absent when a service calls.
const PRINCIPAL_KEYS: &[&str] =
    &["aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths"];

/// A service principal belongs to no account and to no organization, so keys about them are absent.
fn check_service_principals(statement: &Statement, condition: &Condition, reporter: &mut Reporter<'_>) {
    let key = condition.key.raw().to_ascii_lowercase();
    let Some(principals) = statement.principals.as_ref().filter(|p| !p.negated && !p.incomplete) else { return };
    let only =
        !principals.items.is_empty() && principals.items.iter().all(|p| p.principal_type == PrincipalType::Service);
    if !statement.allows() || !only || !(PRINCIPAL_KEYS.contains(&key.as_str()) || key.starts_with("aws:principaltag/"))
    {
        return;
    }
    let message = format!(
        "requests from `{}` never carry `{}`, so they are not allowed",
        principals.items[0].item.text, condition.key.text
    );
    let help = match key.as_str() {
        "aws:principalorgid" => "use `aws:SourceOrgID`, the organization on whose behalf the service calls",
        "aws:principalorgpaths" => {
            "use `aws:SourceOrgPaths`, the organizational unit on whose behalf the service calls"
        }
        _ => "use `aws:SourceAccount` or `aws:SourceArn`, which identify on whose behalf the service calls",
    };
    reporter
        .at(condition.key.at, message, help)
        .aws("UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL")
        .related(principals.items[0].item.at.span, "the service is here");
}

fn check_condition(statement: &Statement, condition: &Condition, reporter: &mut Reporter<'_>) {
    let Some(key) = ConditionKey::find(condition.key.raw()) else { return };
    let by_tag = ["aws:RequestTag/", "aws:ResourceTag/"].iter().any(|f| key.name().starts_with(f));
    if !by_tag && (key.is_global() || key.name().starts_with("aws:")) {
        return;
    }
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
    // A `Deny` has an effect if one of its actions carries the key, and a pattern may match such an action.
    if statement.denies() && without.len() < statement.actions.as_ref().map_or(usize::MAX, |a| a.items.len()) {
        return;
    }
    let service = key.name().split(':').next().unwrap_or_default();
    let same_service = named().any(|(_, a)| a.service().prefix() == service);
    let by_calling_service = key.name().eq_ignore_ascii_case("kms:ViaService");
    if by_calling_service && action.service().prefix() == "kms" {
        return;
    }
    let help = if statement.denies() {
        "use a condition key that requests for the action carry, or a global condition key"
    } else if same_service {
        "move these actions to a statement without the condition"
    } else {
        "use a condition key of the action's own service, or a global condition key"
    };
    let message = message(statement, condition, *action, without.len() - 1);
    let finding = reporter.at(condition.key.at, message, help);
    finding.related(item.at.span, "the action is here");
    if !is_complete(action.service().prefix()) {
        finding.persona(Persona::Pedantic);
    }
}

/// The message for `action` and a number of other actions.
fn message(statement: &Statement, condition: &Condition, action: Action, others: usize) -> String {
    let others = match others {
        0 => String::new(),
        1 => String::from(" and 1 more action"),
        others => format!(" and {others} more actions"),
    };
    let all_values = condition.qualifier().is_some_and(|q| q.eq_ignore_ascii_case("ForAllValues"));
    let consequence = match (all_values, statement.denies()) {
        (true, true) => "denied regardless of the condition",
        (true, false) => "allowed regardless of the condition",
        (false, true) => "not denied",
        (false, false) => "not allowed",
    };
    let (name, key) = (action.full_name(), &condition.key.text);
    format!("requests for `{name}`{others} never carry `{key}`, so they are {consequence}")
}
