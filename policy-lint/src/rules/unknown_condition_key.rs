use iam_policy::catalogue::{self, ConditionKey, Service};
use iam_policy::model::{Condition, Policy, Statement};
use iam_policy::spelling;
use source_text::PLACEHOLDER;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "unknown-condition-key",
    family: Family::Vocabulary,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("INVALID_SERVICE_CONDITION_KEY"),
    doc: include_str!("unknown_condition_key.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    policy.statements.iter().for_each(|s| check_variables(s, reporter));
    let mut seen = std::collections::HashSet::new();
    for condition in policy.statements.iter().flat_map(|s| &s.conditions) {
        let name = condition.key.raw();
        if name.contains(PLACEHOLDER)
            || name.contains("${")
            || ConditionKey::find(name).is_some() && !name.ends_with('/')
            || name.get(..15).is_some_and(|n| n.eq_ignore_ascii_case("iot:Connection."))
            || UNLISTED.iter().any(|k| k.eq_ignore_ascii_case(name))
            || !seen.insert(condition.key.at.span)
        {
            continue;
        }
        check_key(condition, name, reporter);
    }
}

/// Reports policy variables that are not condition keys.
fn check_variables(statement: &Statement, reporter: &mut Reporter<'_>) {
    let values = statement.conditions.iter().flat_map(|c| &c.values);
    for item in statement.resources.iter().flat_map(|r| &r.items).chain(values) {
        for inside in item.raw().split("${").skip(1).filter_map(|v| v.split_once('}')).map(|(inside, _)| inside) {
            let name = inside.split(',').next().unwrap_or_default().trim();
            let unlisted = UNLISTED.iter().any(|k| k.eq_ignore_ascii_case(name));
            if !same_prefix(name, "aws")
                || name.contains([PLACEHOLDER, ' '])
                || ConditionKey::find(name).is_some()
                || unlisted
            {
                continue;
            }
            let help = suggestion(name, "aws");
            reporter
                .at(item.at, format!("`{}` has a variable `{name}`, which is not a condition key", item.text), help)
                .aws("INVALID_GLOBAL_CONDITION_KEY");
        }
    }
}

fn suggestion(name: &str, prefix: &str) -> String {
    spelling::closest(name, ConditionKey::all().map(ConditionKey::name).filter(|k| same_prefix(k, prefix))).map_or_else(
        || format!("check the key (the catalogue is dated {})", catalogue::DATE),
        |n| format!("did you mean `{n}`?"),
    )
}

/// Keys that AWS uses in its own policies but does not list.
const UNLISTED: &[&str] = &["aws:PrincipalOrgMasterAccountId", "lakeformation:GlueARN"];

fn check_key(condition: &Condition, name: &str, reporter: &mut Reporter<'_>) {
    let at = condition.key.at;
    let Some((prefix, _)) = name.split_once(':') else {
        let help = "write `service:key` or `aws:key`";
        reporter
            .at(at, format!("`{name}` is not a valid condition key: it has no service prefix"), help)
            .aws("INVALID_CONDITION_KEY_FORMAT");
        return;
    };
    if ["aws:RequestTag", "aws:ResourceTag", "aws:PrincipalTag"]
        .iter()
        .any(|f| f.eq_ignore_ascii_case(name.strip_suffix('/').unwrap_or(name)))
    {
        let help = format!("add the tag key, as in `{}/team`", name.trim_end_matches('/'));
        reporter.at(at, format!("`{name}` has no tag key"), help).aws("MISSING_TAG_KEY_IN_CONDITION");
        return;
    }
    if name.eq_ignore_ascii_case("aws:ARN") {
        let help = "use `aws:PrincipalArn` for the caller, or `aws:SourceArn` for the resource that a service acts for";
        reporter.at(at, format!("AWS no longer supports `{name}`"), help).aws("UNSUPPORTED_GLOBAL_CONDITION_KEY");
        return;
    }
    let help = suggestion(name, prefix);
    if prefix.eq_ignore_ascii_case("aws") {
        // `Key::find` has already matched the open families, such as tags.
        reporter.at(at, format!("`{name}` is not a global condition key"), help).aws("INVALID_GLOBAL_CONDITION_KEY");
    } else if let Some(service) = Service::find(prefix) {
        let any = ConditionKey::all().any(|k| same_prefix(k.name(), prefix));
        if any {
            reporter.at(at, format!("{} has no condition key `{name}`", service.title()), help);
        }
    } else if !name.contains('.') && !catalogue::is_retired_service(prefix) && !is_identity_provider(prefix) {
        reporter.at(at, format!("`{name}` does not belong to any service"), help);
    }
}

fn same_prefix(key: &str, prefix: &str) -> bool {
    key.split_once(':').is_some_and(|(p, _)| p.eq_ignore_ascii_case(prefix))
}

/// Whether a prefix is that of an identity provider: its host name, or SAML.
fn is_identity_provider(prefix: &str) -> bool {
    prefix.contains('.') || prefix.eq_ignore_ascii_case("saml") || prefix.eq_ignore_ascii_case("identitystore")
}
