use iam_policy::catalogue;

use crate::project::Project;
use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "broad-managed-policy",
    family: Family::Breadth,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("broad_managed_policy.md"),
    check: Check::Project(check),
};

fn check(project: &Project, reporter: &mut Reporter<'_>) {
    for attachment in &project.attachments {
        let Some((name, why)) = broad_policy(attachment.arn.raw()) else {
            continue;
        };
        let finding = reporter.span(
            attachment.arn.at.span,
            format!("the AWS-managed policy `{name}` {why}"),
            "attach a customer-managed policy with only the actions and resources that are needed",
        );
        finding.address = Some(attachment.address.clone());
    }
}

/// The name of a broad managed policy and what it grants, from the committed table or by its `FullAccess` name.
fn broad_policy(arn: &str) -> Option<(&str, String)> {
    let (_, path) = arn.split_once(":iam::aws:policy/")?;
    let name = path.rsplit('/').next()?;
    let listed = catalogue::broad_managed_policies().find(|(n, _)| *n == name).map(|(_, why)| why.to_owned());
    let full =
        || name.contains("FullAccess").then(|| String::from("allows every action of its service on every resource"));
    listed.or_else(full).map(|why| (name, why))
}
