use iam_policy::model::{NodeSpan, Policy};

use crate::rule::{Check, Family, Finding, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "invalid-version",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("INVALID_VERSION"),
    doc: include_str!("invalid_version.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    const HELP: &str = "write `\"Version\": \"2012-10-17\"`";
    let version = policy.version.as_ref();
    let known = version.and_then(|v| v.text.as_known());
    match (version, known) {
        (Some(_), Some("2012-10-17") | None) => {}
        (Some(item), Some("2008-10-17")) => {
            report_old_version(policy, item.at, "uses an old version of the policy language", reporter);
        }
        (Some(item), Some(other)) => {
            reporter.at(item.at, format!("`{other}` is not a version of the policy language"), HELP);
        }
        (None, _) => {
            let first = policy
                .members()
                .next()
                .map_or(NodeSpan { span: policy.root.span, ..NodeSpan::default() }, |(_, at)| at);
            let finding = report_old_version(
                policy,
                NodeSpan { node_path: NodeSpan::default().node_path, ..first },
                "has no version, so AWS applies the old policy language",
                reporter,
            );
            if finding.severity == Severity::Note {
                finding.severity(Severity::Warning).persona(Persona::Regular);
            }
        }
    }
}

fn report_old_version<'o>(
    policy: &Policy,
    at: NodeSpan,
    what: &str,
    reporter: &'o mut Reporter<'_>,
) -> &'o mut Finding {
    const HELP: &str = "write `\"Version\": \"2012-10-17\"`";
    let items = policy.statements.iter().flat_map(|s| {
        let values = s.conditions.iter().flat_map(|c| &c.values);
        s.resources.iter().flat_map(|r| &r.items).chain(values)
    });
    let variable = items.into_iter().find(|i| i.raw().contains("${aws:"));
    match variable {
        Some(item) => {
            let message = format!("the policy {what}, in which the variable in `{}` is literal text", item.text);
            reporter
                .at(at, message, HELP)
                .aws("INVALID_VARIABLE_FOR_VERSION")
                .related(item.at.span, "the variable is here")
        }
        None => {
            let finding = reporter.at(at, format!("the policy {what}"), HELP);
            finding.severity(Severity::Note).persona(Persona::Pedantic).aws("MISSING_VERSION")
        }
    }
}
