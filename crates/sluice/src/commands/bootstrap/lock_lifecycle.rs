//! The lifecycle rule that deletes old versions and delete markers of Terraform's lock, `KEY.tflock`.

use aws_sdk_s3::types::{
    ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, NoncurrentVersionExpiration,
};
use sha2::{Digest, Sha256};

/// The key of the lock of the state at `state_key`.
pub(crate) fn lock_key(state_key: &str) -> String {
    format!("{state_key}.tflock")
}

/// Whether one of the rules deletes old versions of the lock.
pub(crate) fn covers(rules: &[LifecycleRule], lock: &str) -> bool {
    rules.iter().any(|rule| {
        *rule.status() == ExpirationStatus::Enabled
            && rule.noncurrent_version_expiration().is_some()
            && prefix(rule).is_some_and(|prefix| lock.starts_with(prefix))
    })
}

/// The prefix of a rule; `None` if the rule has other filters.
#[allow(deprecated)] // older rules have their prefix outside the filter
fn prefix(rule: &LifecycleRule) -> Option<&str> {
    match rule.filter() {
        None => Some(rule.prefix().unwrap_or_default()),
        Some(filter) => {
            let has_other_filter = filter.tag().is_some()
                || filter.and().is_some()
                || filter.object_size_greater_than().is_some()
                || filter.object_size_less_than().is_some();
            (!has_other_filter).then(|| filter.prefix().unwrap_or_default())
        }
    }
}

/// The rule for a lock.
pub(crate) fn rule(lock: &str) -> anyhow::Result<LifecycleRule> {
    Ok(LifecycleRule::builder()
        .id(rule_id(lock))
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix(lock).build())
        .noncurrent_version_expiration(NoncurrentVersionExpiration::builder().noncurrent_days(1).build())
        .expiration(LifecycleExpiration::builder().expired_object_delete_marker(true).build())
        .build()?)
}

/// The id of the rule for a lock: unique, and at most 255 characters.
fn rule_id(lock: &str) -> String {
    let readable: String = lock.replace('/', "-").chars().take(200).collect();
    let digest = Sha256::digest(lock.as_bytes());
    let tail: String = digest.iter().take(4).map(|b| format!("{b:02x}")).collect();
    format!("expire-locks-{readable}-{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(status: ExpirationStatus, prefix: &str) -> LifecycleRule {
        let mut rule = rule(prefix).unwrap();
        rule.status = status;
        rule
    }

    #[test]
    fn the_rule_covers_its_lock() {
        let lock = lock_key("sluice/dev.tfstate");
        let rule = rule(&lock).unwrap();
        assert_eq!(rule.filter().and_then(LifecycleRuleFilter::prefix), Some(lock.as_str()));
        assert!(covers(&[rule], &lock));
    }

    #[test]
    fn a_rule_that_does_not_delete_the_lock_does_not_cover_it() {
        let lock = "sluice/dev.tfstate.tflock";
        assert!(covers(&[with(ExpirationStatus::Enabled, "sluice/")], lock));
        assert!(!covers(&[with(ExpirationStatus::Disabled, lock)], lock));
        assert!(!covers(&[with(ExpirationStatus::Enabled, "other/")], lock));
        let mut keeps = with(ExpirationStatus::Enabled, lock);
        keeps.noncurrent_version_expiration = None;
        assert!(!covers(&[keeps], lock));
        let mut narrowed = with(ExpirationStatus::Enabled, lock);
        narrowed.filter = Some(LifecycleRuleFilter::builder().prefix(lock).object_size_less_than(9).build());
        assert!(!covers(&[narrowed], lock));
    }

    #[test]
    fn rule_ids_are_unique_and_short() {
        assert_ne!(rule_id("a/b.tfstate.tflock"), rule_id("a-b.tfstate.tflock"));
        assert!(rule_id(&"x/".repeat(500)).chars().count() <= 255);
    }
}
