use iam_policy::catalogue::Service;
use iam_policy::model::Policy;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};
use crate::rules::broken_variable::has_variable;

pub(crate) static RULE: Rule = Rule {
    name: "invalid-action",
    family: Family::Grammar,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("INVALID_ACTION"),
    doc: include_str!("invalid_action.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for item in policy.statements.iter().filter_map(|s| s.actions.as_ref()).flat_map(|a| &a.items) {
        let text = item.raw();
        if !item.text.is_known() || has_variable(text) || text.bytes().all(|b| b == b'*') && !text.is_empty() {
            continue;
        }
        let (reason, help, code) = match text.split_once(':') {
            None => ("has no service prefix".to_owned(), without_service(text), "INVALID_ACTION"),
            Some((service, _)) if service.contains(['*', '?']) && !(service == "*" && text == "*:*") => (
                "has a wildcard in the service prefix".to_owned(),
                "name the service; wildcards are allowed in the action name only".to_owned(),
                "WILDCARD_IN_SERVICE_NAME",
            ),
            Some((service, name)) => match bad_character(service, name) {
                Some(bad) => (
                    format!("contains `{bad}`"),
                    "write `service:Name` with letters, digits, `*` and `?`".to_owned(),
                    "INVALID_ACTION",
                ),
                None if service.is_empty() || name.is_empty() => {
                    ("is incomplete".to_owned(), "write `service:Name`".to_owned(), "INVALID_ACTION")
                }
                None => continue,
            },
        };
        reporter.at(item.at, format!("the action `{}` {reason}", item.text), help).aws(code);
    }
}

fn bad_character(service: &str, name: &str) -> Option<char> {
    let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '*' | '?' | '_' | '.');
    service.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-').or_else(|| name.chars().find(|c| !ok(*c)))
}

fn without_service(name: &str) -> String {
    let name = name.rsplit(['.', '/']).next().unwrap_or(name);
    let common = ["s3", "dynamodb", "sqs", "sns", "lambda", "iam", "kms", "sts", "ec2", "logs"];
    let found = common.iter().find(|s| Service::find(s).is_some_and(|s| s.action(name).is_some()));
    found.map_or_else(|| "write `service:Name`".to_owned(), |s| format!("did you mean `{s}:{name}`?"))
}
