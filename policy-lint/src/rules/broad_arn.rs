use iam_policy::PolicyKind;
use iam_policy::arn::{Arn, is_everything};
use iam_policy::catalogue::{AccessLevel, Service};
use iam_policy::model::{Item, Policy, Statement};

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
use crate::rules::broad_resource::{is_restricted, is_significant};

pub(crate) static RULE: Rule = Rule {
    name: "broad-arn",
    family: Family::Breadth,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("broad_arn.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if policy.kind != PolicyKind::Identity {
        return;
    }
    for statement in policy.statements.iter().filter(|s| s.allows() && !is_restricted(s)) {
        if !statement.resource_items().iter().any(|i| i.raw().contains('*')) {
            continue;
        }
        let restrictable = highest_restrictable_level(statement);
        for item in statement.resource_items() {
            let Some(arn) = Arn::parse(item.raw()) else {
                let short = item.raw().strip_prefix("arn:").filter(|rest| rest.ends_with('*'));
                if let (Some(rest), Some(level)) = (short, restrictable) {
                    let service = rest.split(':').nth(1).unwrap_or_default().trim_end_matches('*');
                    report(item, service, level, reporter);
                }
                continue;
            };
            if let Some(level) = restrictable {
                check_arn(statement, item, arn, level, reporter);
            }
        }
    }
}

/// Reports an ARN that matches every resource of a service, or every resource of one type.
fn check_arn(statement: &Statement, item: &Item, arn: Arn<'_>, level: AccessLevel, reporter: &mut Reporter<'_>) {
    let whole_service = !arn.resource.is_empty()
        && arn.resource.bytes().all(|b| matches!(b, b'*' | b'/' | b':'))
        && arn.resource.contains('*');
    if whole_service {
        return report(item, arn.service, level, reporter);
    }
    let name = arn.resource.rsplit(['/', ':']).next().unwrap_or_default();
    let whole_type = is_everything(name)
        && arn.resource.split(['/', ':']).filter(|p| !is_everything(p)).count() == 1
        && arn.service != "s3";
    if !whole_type {
        return;
    }
    let type_name = arn.resource.split(['/', ':']).next().unwrap_or("resource");
    let message = format!("`{}` matches every {type_name}", item.text);
    let finding = reporter.at(item.at, message, "name the resource, or a prefix of its name");
    // In a list it often states which parts of a resource may be used, such as the image and network of an instance.
    let alone = statement.resource_items().len() == 1;
    let everywhere = alone && is_any_region(arn.region) && is_everything(arn.account);
    let mut actions = statement.granted_actions().flat_map(|(_, actions)| actions);
    if !(everywhere && actions.any(|a| a.restrictable() && is_significant(*a))) {
        let persona = if level >= AccessLevel::Write { Persona::Pedantic } else { Persona::Auditor };
        finding.severity(Severity::Note).persona(persona);
    }
}

/// Reports an item that matches every resource of a service, all of them if `service` is empty.
fn report(item: &Item, service: &str, level: AccessLevel, reporter: &mut Reporter<'_>) {
    let owner = match (service, Service::find(service)) {
        ("", _) => String::from("all of AWS"),
        (_, Some(found)) => found.title().to_owned(),
        (_, None) => format!("`{service}`"),
    };
    let finding = reporter.at(
        item.at,
        format!("`{}` matches every resource of {owner}", item.text),
        "name the resource, or a prefix of its name",
    );
    if level < AccessLevel::Write {
        finding.severity(Severity::Note).persona(Persona::Auditor);
    }
}

/// Whether the region part of an ARN restricts nothing.
fn is_any_region(region: &str) -> bool {
    region.is_empty() || is_everything(region)
}

/// The highest access level among the actions of the statement that could be restricted.
fn highest_restrictable_level(statement: &Statement) -> Option<AccessLevel> {
    let restrictable = statement.granted_actions().flat_map(|(_, actions)| actions).filter(|a| a.restrictable());
    // A log group to be created does not exist yet; AWS's own function policies name it with a wildcard too.
    restrictable.filter(|a| a.name() != "CreateLogGroup").map(|a| a.level()).max()
}
