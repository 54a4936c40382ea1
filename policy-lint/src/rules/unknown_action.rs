use iam_policy::catalogue::{self, Service};
use iam_policy::model::{Item, Policy};
use iam_policy::{pattern, spelling};
use source_text::PLACEHOLDER;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "unknown-action",
    family: Family::Vocabulary,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: Some("INVALID_ACTION"),
    doc: include_str!("unknown_action.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for (item, actions) in policy.statements.iter().filter_map(|s| s.actions.as_ref()).flat_map(|a| a.expanded()) {
        let text = item.raw();
        if !actions.is_empty() {
            continue;
        }
        let Some((prefix, name)) = text.split_once(':').filter(|(_, n)| !n.is_empty() && !n.contains(PLACEHOLDER))
        else {
            continue;
        };
        let Some(service) = Service::find(prefix).filter(|_| !pattern::has_wildcard(name)) else { continue };
        if service.action(name).is_some() || catalogue::is_retired(text) {
            continue;
        }
        reporter.at(item.at, format!("{} has no action `{name}`", service.title()), help(service, item, name));
    }
}

/// API operations whose permission has another name.
const API_OPERATIONS: &[(&str, &str)] = &[
    ("s3:copyobject", "s3:GetObject` on the source and `s3:PutObject"),
    ("s3:headbucket", "s3:ListBucket"),
    ("s3:headobject", "s3:GetObject"),
    ("s3:listbuckets", "s3:ListAllMyBuckets"),
    ("s3:listobjects", "s3:ListBucket"),
    ("s3:listobjectsv2", "s3:ListBucket"),
    ("s3:listobjectversions", "s3:ListBucketVersions"),
    ("s3:createmultipartupload", "s3:PutObject"),
    ("s3:completemultipartupload", "s3:PutObject"),
    ("s3:uploadpart", "s3:PutObject"),
    ("s3:deleteobjects", "s3:DeleteObject"),
    ("sqs:sendmessagebatch", "sqs:SendMessage"),
    ("sqs:deletemessagebatch", "sqs:DeleteMessage"),
    ("sns:publishbatch", "sns:Publish"),
    ("lambda:invoke", "lambda:InvokeFunction"),
    ("dynamodb:transactwriteitems", "dynamodb:PutItem`, `dynamodb:UpdateItem` and `dynamodb:DeleteItem"),
    ("dynamodb:transactgetitems", "dynamodb:GetItem"),
];

fn help(service: Service, item: &Item, name: &str) -> String {
    let folded = item.raw().to_ascii_lowercase();
    if let Some((_, action)) = API_OPERATIONS.iter().find(|(n, _)| *n == folded) {
        return format!("the API operation requires `{action}`");
    }
    match spelling::closest(name, service.actions().map(catalogue::Action::name)) {
        Some(near) => format!("did you mean `{}:{near}`?", service.prefix()),
        None => format!("check the name (the action catalogue is dated {})", catalogue::DATE),
    }
}
