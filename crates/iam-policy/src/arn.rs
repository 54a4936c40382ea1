//! ARNs and patterns of ARNs: their parts, and the resource types they can be.
use source_text::PLACEHOLDER;

use crate::catalogue::{Action, ResourceType};
use crate::pattern;

/// Stands for an unknown name without separators, as that of a bucket.
pub const NAME: char = '\u{E002}';

/// The parts of an ARN or of a pattern of ARNs.
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
    /// The rest: resource type and id.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Splits an ARN; `None` if it does not begin with `arn:` or lacks parts.
    #[inline]
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

/// Whether a pattern of resources can match a resource of a type.
pub fn can_be(resource: &str, kind: ResourceType) -> bool {
    match Arn::parse(resource) {
        Some(parts) => parts.can_be(kind),
        None => pattern::overlaps(resource, kind.pattern()),
    }
}

impl Arn<'_> {
    /// Whether it can match a resource of a type.
    pub fn can_be(&self, kind: ResourceType) -> bool {
        let format = kind.pattern();
        // Most pairs are of two services, which the characters behind `arn:*:` decide.
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

/// Whether an action can work on a pattern of resources. An action without resource types requires `*`.
pub fn takes(action: Action, resource: &str) -> bool {
    if is_everything(resource) {
        return true;
    }
    if !action.restrictable() {
        return Arn::parse(resource).is_none_or(|a| is_everything(a.resource));
    }
    action.resources().any(|kind| can_be(resource, kind))
}

/// The main resource type of an action: the one it is named after, else one of its own service that is not an
/// alternative way to the same resource.
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

/// An ARN format with example values for its placeholders.
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

/// Whether a pattern matches every resource.
#[inline]
pub fn is_everything(resource: &str) -> bool {
    !resource.is_empty() && resource.bytes().all(|b| b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
