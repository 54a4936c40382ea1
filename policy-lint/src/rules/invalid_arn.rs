use iam_policy::arn::{self, Arn};
use iam_policy::catalogue::{self, Service};
use iam_policy::model::{Item, Policy};
use iam_policy::{PolicyKind, pattern, spelling};
use source_text::PLACEHOLDER;

use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "invalid-arn",
    family: Family::Vocabulary,
    severity: Severity::Error,
    persona: Persona::Regular,
    aws: Some("INVALID_ARN_PREFIX"),
    doc: include_str!("invalid_arn.md"),
    check: Check::Policy(check),
};

fn check(policy: &Policy, reporter: &mut Reporter<'_>) {
    for item in policy.statements.iter().filter_map(|s| s.resources.as_ref()).flat_map(|r| &r.items) {
        let text = item.raw();
        if arn::is_everything(text) || text.starts_with([PLACEHOLDER, '*']) || text.starts_with("${") || text.is_empty()
        {
            continue;
        }
        let is_name = |kind: &str| policy.origin.resource_type == kind;
        let permission = is_name("aws_lambda_permission") || is_name("aws_lambda_layer_version_permission");
        // The policy of an API may omit everything before the path of the API.
        if permission || policy.kind == PolicyKind::Resource && text.starts_with("execute-api:/") {
            continue;
        }
        if is_name("aws_iam_policy_document") && is_placeholder(text) {
            continue;
        }
        check_arn(item, text, reporter);
    }
}

/// Whether a resource of a template document begins with a placeholder that is replaced later: `@BUCKET@/*`, `_ARN_`.
fn is_placeholder(text: &str) -> bool {
    let head = text.split(['/', ':']).next().unwrap_or_default();
    let is_upper_case = head.bytes().any(|b| b.is_ascii_uppercase()) && !head.bytes().any(|b| b.is_ascii_lowercase());
    is_upper_case || head.starts_with(['@', '_', '<', '{', '%', '$'])
}

fn check_arn(item: &Item, text: &str, reporter: &mut Reporter<'_>) {
    if !text.starts_with("arn:") {
        let help = "write `*`, or an ARN as in `arn:aws:s3:::bucket/key`";
        reporter.at(item.at, format!("`{}` is not an ARN", item.text), help);
        return;
    }
    let Some(arn) = Arn::parse(text) else {
        // A wildcard may match the missing parts.
        if !pattern::has_wildcard(text.rsplit(':').next().unwrap_or_default())
            || text.matches(':').count() < 2
            || text.contains("s3:")
        {
            let help = "an ARN has six parts: `arn:partition:service:region:account:resource`";
            reporter.at(item.at, format!("`{}` is not a complete ARN", item.text), help).aws("MISSING_ARN_FIELD");
        }
        return;
    };
    check_names(item, arn, reporter);
    check_account(item, arn, reporter);
    check_service_format(item, arn, reporter);
}

/// Whether a part of an ARN is empty or not fixed.
fn is_open(part: &str) -> bool {
    part.is_empty() || pattern::has_wildcard(part) || part.contains([PLACEHOLDER, '$', '<'])
}

fn check_names(item: &Item, arn: Arn<'_>, reporter: &mut Reporter<'_>) {
    if !is_open(arn.partition) && !PARTITIONS.contains(&arn.partition) {
        let help = spelling::closest(arn.partition, PARTITIONS.iter().copied())
            .map_or_else(|| String::from("use `aws`"), |p| format!("did you mean `{p}`?"));
        reporter.at(item.at, format!("`{}` is not an AWS partition", arn.partition), help).aws("INVALID_PARTITION");
    }
    if !is_open(arn.region) && !is_region(arn.region) {
        let near = spelling::closest(arn.region, REGIONS.iter().copied());
        let help = near
            .map_or_else(|| String::from("use a region code, as in `eu-west-1`"), |r| format!("did you mean `{r}`?"));
        reporter.at(item.at, format!("`{}` is not an AWS region", arn.region), help).aws("INVALID_REGION");
    } else if !is_open(arn.region)
        && !is_open(arn.partition)
        && partition_of(arn.region).is_some_and(|home| home != arn.partition)
    {
        let home = partition_of(arn.region).unwrap_or_default();
        let message = format!("`{}` is not a region of the partition `{}`", arn.region, arn.partition);
        reporter
            .at(item.at, message, format!("write `arn:{home}:…`, or use a region of `{}`", arn.partition))
            .aws("INVALID_ARN_REGION");
    }
    if has_outer_whitespace(arn.resource) {
        let message = format!("`{}` has leading or trailing whitespace in the resource name", item.text);
        reporter.at(item.at, message, "remove the whitespace").aws("INVALID_ARN_RESOURCE");
    }
}

/// The partition that a region belongs to; `None` if its code does not determine it.
fn partition_of(region: &str) -> Option<&'static str> {
    let start = region.split('-').next()?;
    match start {
        "cn" => Some("aws-cn"),
        "us" if region.starts_with("us-gov-") => Some("aws-us-gov"),
        "eusc" => Some("aws-eusc"),
        _ if region.contains("-iso") => None,
        _ => REGIONS.contains(&region).then_some("aws"),
    }
}

fn has_outer_whitespace(resource: &str) -> bool {
    resource.starts_with(char::is_whitespace) || resource.ends_with(char::is_whitespace)
}

fn check_account(item: &Item, arn: Arn<'_>, reporter: &mut Reporter<'_>) {
    if !is_open(arn.account)
        && arn.account != "aws"
        && arn.account != "cloudfront"
        && !is_account(arn.account)
        && arn.account != "third-party"
        && arn.account != "aws-marketplace"
    {
        let message = format!("`{}` is not an account ID, which has twelve digits", arn.account);
        reporter.at(item.at, message, "write the account ID").aws("INVALID_ARN_ACCOUNT");
    }
    if arn.service == "s3" && is_bucket_or_object(arn.resource) && (!is_open(arn.account) || !is_open(arn.region)) {
        let message =
            format!("`{}` has a region or an account ID, which ARNs of buckets and objects do not have", item.text);
        let code = if is_open(arn.account) { "ARN_REGION_NOT_ALLOWED" } else { "ARN_ACCOUNT_NOT_ALLOWED" };
        reporter.at(item.at, message, format!("write `arn:{}:s3:::{}`", arn.partition, arn.resource)).aws(code);
    }
}

/// Services whose resources always belong to an account.
const ALWAYS_IN_ACCOUNT: &[&str] =
    &["dynamodb", "iam", "kinesis", "kms", "lambda", "secretsmanager", "sns", "sqs", "states"];

/// Compares the region and the account with the ARN formats of the service.
fn check_service_format(item: &Item, arn: Arn<'_>, reporter: &mut Reporter<'_>) {
    if arn.service.bytes().any(|b| b.is_ascii_uppercase()) && !is_open(arn.service) {
        let message = format!("`{}` is not a valid service in an ARN: services are lower case", arn.service);
        reporter
            .at(item.at, message, format!("write `{}`", arn.service.to_ascii_lowercase()))
            .aws("INVALID_ARN_SERVICE_CASE");
        return;
    }
    let found = Service::find(arn.service);
    if found.is_none() && !is_open(arn.service) && !is_arn_service(arn.service) {
        let near = spelling::closest(arn.service, Service::all().map(Service::prefix));
        let help = near.map_or_else(
            || String::from("use the prefix of the service's actions"),
            |n| format!("did you mean `arn:{}:{n}:…`?", arn.partition),
        );
        reporter
            .at(item.at, format!("`{}` is not an AWS service, in `{}`", arn.service, item.text), help)
            .aws("INVALID_SERVICE");
        return;
    }
    let Some(service) = found.filter(|s| s.prefix() != "s3") else { return };
    let types = || service.resources().filter_map(|t| Arn::parse(t.arn())).filter(|t| t.service == arn.service);
    let all = |has: &dyn Fn(&Arn<'_>) -> bool| types().next().is_some() && types().all(|t| has(&t));
    if arn.region.is_empty() && all(&|t| t.region == "${Region}") {
        let help = "write the region, or `*` for every region";
        reporter
            .at(item.at, format!("`{}` has no region, which every ARN of `{}` has", item.text, arn.service), help)
            .aws("MISSING_ARN_REGION");
    }
    if arn.account.is_empty() && ALWAYS_IN_ACCOUNT.contains(&arn.service) && !arn.resource.is_empty() {
        let help = "write the account ID, or `*` for every account";
        reporter
            .at(item.at, format!("`{}` has no account ID, which every ARN of `{}` has", item.text, arn.service), help)
            .aws("INVALID_ARN_ACCOUNT");
    }
    if !is_open(arn.region) && all(&|t| t.region.is_empty()) {
        let message = format!("`{}` has a region, which no ARN of `{}` has", item.text, arn.service);
        reporter.at(item.at, message, "leave the region empty").aws("ARN_REGION_NOT_ALLOWED");
    }
}

/// Whether the ARN format of some resource type has this service, which need not be the prefix of any action.
fn is_arn_service(service: &str) -> bool {
    catalogue::is_retired_service(service)
        || Service::all()
            .flat_map(Service::resources)
            .any(|t| Arn::parse(t.arn()).is_some_and(|a| a.service == service))
}

fn is_bucket_or_object(resource: &str) -> bool {
    let other = ["accesspoint", "job/", "storage-lens", "access-grants", "async-request"];
    !resource.contains(':') && !other.iter().any(|o| resource.starts_with(o))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The partitions of AWS.
pub(crate) const PARTITIONS: &[&str] =
    &["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"];

/// Whether a text is the code of a known region, or of a region in an isolated partition.
pub(crate) fn is_region(text: &str) -> bool {
    let isolated = text.contains("-iso") || text.contains("gov") || text.starts_with("eusc-");
    REGIONS.contains(&text) || isolated || text == "global"
}

/// The regions of the public partitions.
pub(crate) const REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];
