//! See the page.
use crate::arn;
use crate::catalogue::{Action, ResourceType};
use crate::model::{Item, Kind, Policy, Statement};
use crate::pattern;
use crate::rule::{Check, Family, Out, Persona, Rule, Severity};
use crate::rules::broad_resource::example;

/// The rule.
pub static RULE: Rule = Rule {
    name: "resource-type-mismatch",
    family: Family::Match,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("resource_type_mismatch.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, out: &mut Out<'_>) {
    if matches!(policy.kind, Kind::Trust | Kind::Endpoint | Kind::Lambda) {
        return;
    }
    for statement in &policy.statements {
        let Some(resources) =
            statement.resources.as_ref().filter(|r| !r.negated && !r.incomplete && !r.items.is_empty())
        else {
            continue;
        };
        if resources.items.len() * statement.action_items().len() > MOST {
            continue;
        }
        let shapes: Vec<String> = resources.items.iter().map(|i| arn::typed(&i.text)).collect();
        if shapes.iter().any(|s| !s.starts_with("arn:")) {
            continue;
        }
        for (item, actions) in statement.granted() {
            let Some(action) = exact(item.raw(), actions) else { continue };
            if !shapes.iter().any(|s| arn::takes(action, s)) {
                report(statement, item, action, &resources.items, out);
            }
        }
    }
}

/// Pairs of actions and resources that are compared at most in one statement.
const MOST: usize = 1_000_000;

/// The action of a name without wildcards.
fn exact(name: &str, actions: &[Action]) -> Option<Action> {
    (!pattern::has_wildcard(name)).then(|| actions.first().copied()).flatten()
}

/// Whether so many actions share so many resources that not every one of them is for each.
pub fn is_crowded(statement: &Statement) -> bool {
    statement.action_items().len() > 6 || statement.resource_items().len() > 3
}

/// Services whose actions without a resource everybody uses.
const COMMON: &[&str] = &["cloudwatch", "dynamodb", "kms", "s3", "secretsmanager", "sns", "sqs", "sts", "xray"];

fn report(statement: &Statement, item: &Item, action: Action, resources: &[Item], out: &mut Out<'_>) {
    let kinds: Vec<ResourceType> = action.resources().collect();
    let verb = if statement.denies() { "denies" } else { "grants" };
    let (message, help) = match kinds.first() {
        None => (
            format!("`{}` works on no single resource, so the statement {verb} nothing for it", action.full_name()),
            String::from("put it in a statement of its own with `\"Resource\": \"*\"`"),
        ),
        Some(first) => {
            let names: Vec<&str> = kinds.iter().take(3).map(|k| k.name()).collect();
            let named = resources.first().map(|r| r.text.to_string()).unwrap_or_default();
            let chosen = kinds.iter().find(|k| matches!(k.name(), "object" | "bucket")).unwrap_or(first);
            (
                format!(
                    "`{}` works on {}, which `{named}` is not, so the statement {verb} nothing for it",
                    action.full_name(),
                    names.join(" or ")
                ),
                format!("name the {}, as in `{}`", chosen.name(), example(chosen.arn())),
            )
        }
    };
    let finding = out.at(item.at, message, help);
    let crowded = is_crowded(statement);
    if crowded || kinds.is_empty() && !COMMON.contains(&action.service().prefix()) {
        finding.persona(Persona::Pedantic).severity(Severity::Warning);
    }
    if let Some(first) = resources.first() {
        finding.related(first.at.span, "the resource is here");
    }
}
