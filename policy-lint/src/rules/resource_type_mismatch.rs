use iam_policy::arn::{self, Arn};
use iam_policy::catalogue::{Action, ResourceType, Service};
use iam_policy::model::{Item, Policy, Statement};
use iam_policy::{PolicyKind, pattern, spelling};

use crate::reference_arns;
use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "resource-type-mismatch",
    family: Family::Match,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("resource_type_mismatch.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    if matches!(policy.kind, PolicyKind::Trust | PolicyKind::Endpoint | PolicyKind::Lambda) {
        return;
    }
    for statement in &policy.statements {
        let Some(resources) =
            statement.resources.as_ref().filter(|r| !r.negated && !r.incomplete && !r.items.is_empty())
        else {
            continue;
        };
        if resources.items.len() * statement.action_items().len() > MAX_PAIRS {
            continue;
        }
        let shapes: Vec<String> = resources.items.iter().map(|i| reference_arns::typed(&i.text)).collect();
        if shapes.iter().any(|s| !s.starts_with("arn:")) {
            continue;
        }
        for (item, actions) in statement.granted_actions() {
            let Some(action) = exact_action(item.raw(), actions) else { continue };
            if !shapes.iter().any(|s| arn::takes(action, s)) {
                report(statement, item, action, &Resources { items: &resources.items, shapes: &shapes }, reporter);
            }
        }
    }
}

/// The resources of a statement, as written and as ARNs.
struct Resources<'a> {
    items: &'a [Item],
    shapes: &'a [String],
}

/// Statements with more pairs of actions and resources than this are not checked.
const MAX_PAIRS: usize = 1_000_000;

/// The action that a name without wildcards stands for.
fn exact_action(name: &str, actions: &[Action]) -> Option<Action> {
    (!pattern::has_wildcard(name)).then(|| actions.first().copied()).flatten()
}

/// Common services whose resource types and condition keys AWS lists completely.
const COMPLETE_SERVICES: &[&str] = &[
    "cloudwatch",
    "dynamodb",
    "ec2",
    "ecr",
    "ecs",
    "eks",
    "events",
    "iam",
    "kinesis",
    "kms",
    "lambda",
    "logs",
    "rds",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "states",
    "sts",
];

/// Services whose actions without resource-level permissions are well known.
const SERVICES_WITH_UNRESTRICTABLE_ACTIONS: &[&str] =
    &["cloudwatch", "dynamodb", "ec2", "ecr", "kms", "s3", "secretsmanager", "sns", "sqs", "sts", "xray"];

/// Whether the catalogue is complete for a service.
pub(crate) fn is_complete(service: &str) -> bool {
    COMPLETE_SERVICES.contains(&service)
}

/// Whether a mismatch is certain: the catalogue is complete for the action and for the resources.
fn is_certain(statement: &Statement, action: Action, shapes: &[String]) -> bool {
    if !action.restrictable() {
        // Long lists of actions often include one of these by accident.
        let crowded = statement.action_items().len() > 6 || shapes.len() > 3;
        return !crowded && SERVICES_WITH_UNRESTRICTABLE_ACTIONS.contains(&action.service().prefix());
    }
    is_complete(action.service().prefix()) && shapes.iter().all(|s| has_known_type(s, action.service()))
}

/// Whether a resource belongs to another complete service, or is of a (possibly misspelled) type of this service.
fn has_known_type(shape: &str, service: Service) -> bool {
    let Some(arn) = Arn::parse(shape) else { return true };
    if arn.service != service.prefix() {
        return is_complete(arn.service);
    }
    let word = |text: &str| text.split(['/', ':']).next().unwrap_or_default().to_owned();
    let written = word(arn.resource);
    if is_untyped(arn.resource) {
        return true;
    }
    service.resources().any(|kind| {
        let own = Arn::parse(kind.arn()).map(|a| word(a.resource)).filter(|w| !w.contains('$'));
        arn.can_be(kind) || own.is_some_and(|own| spelling::closest(&written, std::iter::once(own.as_str())).is_some())
    })
}

/// Whether the resource part is a plain name, where a type and a name are expected.
fn is_untyped(resource: &str) -> bool {
    let open = pattern::has_wildcard(resource) || !resource.is_ascii() || resource.contains('$');
    !open && !resource.is_empty() && !resource.trim_start_matches('/').is_empty() && {
        resource.starts_with('/') || !resource.contains(['/', ':'])
    }
}

fn report(statement: &Statement, item: &Item, action: Action, given: &Resources<'_>, reporter: &mut Reporter<'_>) {
    let verb = if statement.denies() { "denies" } else { "grants" };
    let (message, help) = match arn::primary(action) {
        None => (
            format!(
                "`{}` does not support resource-level permissions, so the statement {verb} nothing for it",
                action.full_name()
            ),
            String::from("move it to a statement of its own with `\"Resource\": \"*\"`"),
        ),
        Some(chosen) => {
            let others = action.resources().filter(|k| *k != chosen).take(2);
            let names: Vec<&str> = std::iter::once(chosen).chain(others).map(ResourceType::name).collect();
            let named = given.items.first().map(|r| r.text.to_string()).unwrap_or_default();
            (
                format!(
                    "`{}` applies to {}, which `{named}` is not, so the statement {verb} nothing for it",
                    action.full_name(),
                    names.join(" or ")
                ),
                format!("name the {}, as in `{}`", chosen.name(), arn::example(chosen.arn())),
            )
        }
    };
    let finding = reporter.at(item.at, message, help);
    if !is_certain(statement, action, given.shapes) {
        finding.persona(Persona::Pedantic).severity(Severity::Warning);
    }
    if let Some(first) = given.items.first() {
        finding.related(first.at.span, "the resource is here");
    }
}
