use source_text::{Data, Value};
use terraform_eval::Resource;

use crate::access::refers_to;
use crate::project::Project;
use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "short-visibility-timeout",
    family: Family::Wiring,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("short_visibility_timeout.md"),
    check: Check::Project(check),
};

fn check(project: &Project, reporter: &mut Reporter<'_>) {
    for mapping in project.of_kind("aws_lambda_event_source_mapping") {
        let (Some(source), Some(target)) =
            (mapping.values.get("event_source_arn"), mapping.values.get("function_name"))
        else {
            continue;
        };
        let queue = project.of_kind("aws_sqs_queue").find(|q| refers_to(source, q, &["arn"]));
        let function = project.of_kind("aws_lambda_function").find(|f| refers_to(target, f, &["arn", "function_name"]));
        let (Some(queue), Some(function)) = (queue, function) else { continue };
        let (Some(hidden), Some(timeout)) =
            (number(queue, "visibility_timeout_seconds", 30.0), number(function, "timeout", 3.0))
        else {
            continue;
        };
        if hidden >= 6.0 * timeout {
            continue;
        }
        let message = format!(
            "`{}` hides a received message for {hidden} s, but `{}` may run for {timeout} s",
            queue.address, function.address
        );
        let finding = reporter.span(
            queue.head,
            message,
            format!("set `visibility_timeout_seconds` to at least {}", 6.0 * timeout),
        );
        finding.address = Some(queue.address.clone());
        finding.related(function.head, "the function is here");
    }
}

/// The number of an attribute: `default` when it is absent or null, `None` when it is not known.
fn number(resource: &Resource, key: &str, default: f64) -> Option<f64> {
    match resource.values.get(key).map(|v: &Value| &v.data) {
        None | Some(Data::Null) => Some(default),
        Some(Data::Number(n)) => n.parse().ok(),
        _ => None,
    }
}
