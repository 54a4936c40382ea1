//! ARNs and patterns of ARNs: their parts, the types they can be, and what Terraform references stand for.
use crate::catalogue::{Action, ResourceType};
use crate::pattern::{self, PLACEHOLDER};
use crate::value::{Text, Unknown};

/// Stands for a name that is not known but has no separator in it, as a bucket's.
const NAME: char = '\u{E002}';

/// The parts of an ARN, wildcards and unknowns left in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, ….
    pub partition: &'a str,
    /// `s3`, ….
    pub service: &'a str,
    /// Empty for global services.
    pub region: &'a str,
    /// Empty for some services.
    pub account: &'a str,
    /// Everything behind.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Splits a text that begins with `arn:`; `None` when parts are missing.
    pub fn parse(text: &'a str) -> Option<Arn<'a>> {
        let mut rest = text.strip_prefix("arn:")?;
        let mut next = || {
            let (part, tail) = rest.split_at(rest.bytes().position(|b| b == b':')?);
            rest = &tail[1..];
            Some(part)
        };
        let (partition, service, region, account) = (next()?, next()?, next()?, next()?);
        Some(Arn { partition, service, region, account, resource: rest })
    }
}

/// What attributes of Terraform resources are, as ARNs; `~` is a name that is not known.
const REFERENCES: &[(&str, &str, &str)] = &[
    ("aws_backup_vault", "arn", "arn:*:backup:*:*:backup-vault:~"),
    ("aws_cloudwatch_event_bus", "arn", "arn:*:events:*:*:event-bus/~"),
    ("aws_cloudwatch_log_group", "arn", "arn:*:logs:*:*:log-group:~"),
    ("aws_codebuild_project", "arn", "arn:*:codebuild:*:*:project/~"),
    ("aws_dynamodb_table", "arn", "arn:*:dynamodb:*:*:table/~"),
    ("aws_dynamodb_table", "stream_arn", "arn:*:dynamodb:*:*:table/~/stream/~"),
    ("aws_ecr_repository", "arn", "arn:*:ecr:*:*:repository/~"),
    ("aws_efs_file_system", "arn", "arn:*:elasticfilesystem:*:*:file-system/~"),
    ("aws_iam_policy", "arn", "arn:*:iam::*:policy/~"),
    ("aws_iam_role", "arn", "arn:*:iam::*:role/~"),
    ("aws_iam_user", "arn", "arn:*:iam::*:user/~"),
    ("aws_kinesis_firehose_delivery_stream", "arn", "arn:*:firehose:*:*:deliverystream/~"),
    ("aws_kinesis_stream", "arn", "arn:*:kinesis:*:*:stream/~"),
    ("aws_kms_alias", "arn", "arn:*:kms:*:*:alias/~"),
    ("aws_kms_key", "arn", "arn:*:kms:*:*:key/~"),
    ("aws_lambda_function", "arn", "arn:*:lambda:*:*:function:~"),
    ("aws_opensearch_domain", "arn", "arn:*:es:*:*:domain/~"),
    ("aws_s3_access_point", "arn", "arn:*:s3:*:*:accesspoint/~"),
    ("aws_s3_bucket", "arn", "arn:*:s3:::~"),
    ("aws_secretsmanager_secret", "arn", "arn:*:secretsmanager:*:*:secret:~"),
    ("aws_secretsmanager_secret", "id", "arn:*:secretsmanager:*:*:secret:~"),
    ("aws_sfn_state_machine", "arn", "arn:*:states:*:*:stateMachine:~"),
    ("aws_sns_topic", "arn", "arn:*:sns:*:*:~"),
    ("aws_sns_topic", "id", "arn:*:sns:*:*:~"),
    ("aws_sqs_queue", "arn", "arn:*:sqs:*:*:~"),
    ("aws_ssm_parameter", "arn", "arn:*:ssm:*:*:parameter/~"),
];

/// The address, type and attribute of a reference to a resource: `module.a.aws_s3_bucket.raw["x"].arn`.
pub fn split_reference(reference: &str) -> Option<(&str, &str, &str)> {
    let steps: Vec<&str> = steps(reference).collect();
    let &[.., kind, _, attribute] = steps.as_slice() else { return None };
    let address = reference.strip_suffix(attribute)?.strip_suffix('.')?;
    Some((address, kind, attribute))
}

/// The steps of an address; a dot in the key of an instance parts none.
pub fn steps(address: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    address.split(move |c| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        c == '.' && depth == 0
    })
}

/// An address without the keys of instances.
pub fn without_indexes(address: &str) -> String {
    let mut depth = 0;
    let keep = |c: &char| {
        depth += i32::from(*c == '[');
        let keep = depth == 0;
        depth -= i32::from(*c == ']');
        keep
    };
    address.chars().filter(keep).collect()
}

/// Whether two addresses can be of one resource: a step that does not say which instance stands for all.
pub fn same_resource(one: &str, other: &str) -> bool {
    let same = |a: &str, b: &str| {
        let (name, other) = (a.split('[').next(), b.split('[').next());
        a == b || name == other && (!a.contains('[') || !b.contains('['))
    };
    let (mut one, mut other) = (steps(one), steps(other));
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if same(a, b) => {}
            _ => return false,
        }
    }
}

/// Policy variables, as `${aws:username}`, can be anything.
fn open_variables(text: String) -> String {
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("${") {
        let Some((_, tail)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push(PLACEHOLDER);
        rest = tail;
    }
    out + rest
}

/// The text with references to resources made into the ARNs that they are, as far as that is certain.
pub fn typed(text: &Text) -> String {
    if text.is_known() {
        let known = text.raw().to_owned();
        return if known.contains("${") { open_variables(known) } else { known };
    }
    let mut out = String::new();
    let mut unknowns = text.unknowns().iter();
    for c in text.raw().chars() {
        if c != PLACEHOLDER {
            out.push(c);
            continue;
        }
        let shape = unknowns.next().and_then(|h| h.reference.as_deref()).and_then(shape_of);
        match shape {
            Some(shape) => out.extend(shape.chars().map(|c| if c == '~' { NAME } else { c })),
            None => out.push(PLACEHOLDER),
        }
    }
    if out.contains("${") { open_variables(out) } else { out }
}

/// Whether something that is not known is an attribute of a resource that is one ARN.
pub fn is_arn(unknown: &Unknown) -> bool {
    unknown.reference.as_deref().and_then(shape_of).is_some_and(|shape| shape.starts_with("arn:"))
}

fn shape_of(reference: &str) -> Option<&'static str> {
    let (_, kind, attribute) = split_reference(reference)?;
    let name = matches!(attribute, "bucket" | "name" | "account_id" | "region" | "partition").then_some("~");
    REFERENCES.iter().find(|(k, a, _)| *k == kind && *a == attribute).map(|(_, _, shape)| *shape).or(name)
}

/// Whether a pattern of a resource can mean something of a type.
pub fn can_be(resource: &str, kind: ResourceType) -> bool {
    match Arn::parse(resource) {
        Some(parts) => parts.can_be(kind),
        None => pattern::overlaps(resource, kind.pattern()),
    }
}

impl Arn<'_> {
    /// Whether it can mean something of a type.
    pub fn can_be(&self, kind: ResourceType) -> bool {
        let format = kind.pattern();
        // Most pairs are of two services, and the letters behind `arn:*:` tell.
        let service = format.strip_prefix("arn:*:").unwrap_or_default();
        let closed = !pattern::has_wildcard(self.service) && !self.service.contains([PLACEHOLDER, NAME]);
        if closed
            && !service.starts_with('*')
            && !service.strip_prefix(self.service).is_some_and(|s| s.starts_with(':'))
        {
            return false;
        }
        if format == "arn:*:s3:::*" && self.resource.contains('/') {
            return false;
        }
        Arn::parse(format).is_some_and(|parts| {
            let fits = pattern::overlaps;
            fits(self.service, parts.service)
                && fits(self.resource, parts.resource)
                && fits(self.partition, parts.partition)
                && fits(self.region, parts.region)
                && fits(self.account, parts.account)
        })
    }
}

/// Whether an action can work on a resource pattern. Actions without resource types work on everything only.
pub fn takes(action: Action, resource: &str) -> bool {
    if is_everything(resource) {
        return true;
    }
    if !action.restrictable() {
        return Arn::parse(resource).is_none_or(|a| is_everything(a.resource));
    }
    action.resources().any(|kind| can_be(resource, kind))
}

/// The type that people mean by an action: the one it is named after, else one of its own service that is no
/// other way to the same thing.
pub fn primary(action: Action) -> Option<ResourceType> {
    let name = action.name().to_ascii_lowercase();
    let rank = |kind: &ResourceType| {
        let own = kind.name().to_ascii_lowercase().replace(['-', '_'], "");
        let singular = own.strip_suffix('s').unwrap_or(&own);
        let foreign = Arn::parse(kind.pattern()).is_none_or(|a| a.service != action.service().prefix());
        let byway = ["accesspoint", "index", "alias", "snapshot", "document"].iter().any(|w| own.starts_with(w));
        let shared = Arn::parse(kind.pattern()).is_none_or(|a| a.account == "aws");
        let named = if name.ends_with(singular) {
            0
        } else if name.contains(singular) {
            1
        } else {
            2
        };
        (foreign, named == 2 && byway, shared, named, std::cmp::Reverse(if named < 2 { own.len() } else { 0 }))
    };
    action.resources().min_by_key(rank)
}

/// An ARN pattern with its placeholders filled for reading.
pub fn example(arn: &str) -> String {
    let mut filled = String::new();
    let mut rest = arn;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let (name, tail) = after.split_once('}').unwrap_or((after, ""));
        match name {
            "Partition" => filled.push_str("aws"),
            "Region" => filled.push_str("eu-west-1"),
            "Account" => filled.push_str("111122223333"),
            _ => filled.push_str(&format!("<{name}>")),
        }
        rest = tail;
    }
    filled + rest
}

/// Whether a pattern stands for every resource.
pub fn is_everything(resource: &str) -> bool {
    !resource.is_empty() && resource.bytes().all(|b| b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;
    use crate::value::{TextBuilder, Unknown};

    #[test]
    fn actions_take_resources_of_their_types_only() {
        for (action, resource, expected) in [
            ("s3:PutObject", "arn:aws:s3:::b", false),
            ("s3:PutObject", "arn:aws:s3:::b/*", true),
            ("s3:PutObject", "arn:aws:s3:::b*", true),
            ("s3:ListBucket", "arn:aws:s3:::b/*", false),
            ("s3:ListBucket", "arn:aws:s3:::b*", true),
            ("s3:ListBucket", "*", true),
            ("s3:ListAllMyBuckets", "arn:aws:s3:::b", false),
            ("dynamodb:PutItem", "arn:aws:dynamodb:*:*:table/t", true),
            ("dynamodb:PutItem", "arn:aws:dynamodb:*:*:table/t/index/i", true),
            ("sqs:SendMessage", "arn:aws:sns:*:*:q", false),
        ] {
            let action_id = Action::find(action).unwrap();
            assert_eq!(takes(action_id, resource), expected, "{action} {resource}");
        }
    }

    #[test]
    fn a_reference_is_an_arn_of_its_type() {
        let unknown =
            |r: &str| Unknown { source: r.to_owned(), reference: Some(format!("module.m.{r}")), ..Unknown::default() };
        let raw = Text::unknown(unknown("aws_s3_bucket.raw.arn"));
        let bucket = typed(&raw);
        assert!(!takes(Action::find("s3:PutObject").unwrap(), &bucket));
        assert!(takes(Action::find("s3:ListBucket").unwrap(), &bucket));
        let mut text = TextBuilder::default();
        text.push(&raw, Span::default());
        text.put("/*", Span::default());
        let text = text.text();
        assert!(takes(Action::find("s3:PutObject").unwrap(), &typed(&text)));
        assert!(!takes(Action::find("s3:ListBucket").unwrap(), &typed(&text)));
    }
}
