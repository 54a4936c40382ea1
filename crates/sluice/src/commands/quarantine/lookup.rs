//! Finds versions in quarantine by the key they were uploaded under.

use ingest::quarantine::{ReasonRecord, copy_key};
use lambda_support::aws::ErrorClass;
use lambda_support::log::escape;

use crate::aws::errors::class_of;
use crate::aws::s3::Store;
use crate::operator_log::Subject;
use crate::outputs::Ingest;
use crate::quarantined_versions::{QuarantineGrouper, QuarantinedVersion, object_version};
use crate::report::one_line;

/// The limit on a reason record, in bytes.
const MAX_REASON_RECORD: u64 = 1024 * 1024;
/// Keys up to this length, in bytes, are never cut in quarantine.
pub(super) const MAX_UNCUT_KEY: usize = 900;

/// Selects versions in quarantine by key.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct VersionSelector {
    /// The key in the processing bucket
    #[arg(value_name = "KEY")]
    pub(super) key: String,
    /// The version-id, if several versions of the key are in quarantine
    #[arg(long, value_name = "ID")]
    pub(super) version: Option<String>,
}

/// The quarantine of a deployment.
#[derive(Clone)]
pub(super) struct Quarantine {
    pub(super) store: Store,
    pub(super) ingest: Ingest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ReasonState {
    Readable(Box<ReasonRecord>),
    Absent,
    /// It exists and cannot be read, with the cause.
    Unreadable(String),
}

/// A version in quarantine with the state of its reason record.
#[derive(Debug, Clone)]
pub(super) struct InspectedVersion {
    pub(super) objects: QuarantinedVersion,
    pub(super) reason: ReasonState,
}

impl InspectedVersion {
    /// Key and version-id of the source, from the reason record or, without one, from the key of the copy.
    pub(super) fn source_identity(&self) -> (&str, &str) {
        match &self.reason {
            ReasonState::Readable(reason) => (&reason.source.version.key, &reason.source.version.version_id),
            _ => self.objects.source_by_copy_key(),
        }
    }

    pub(super) fn version_id(&self) -> &str {
        self.source_identity().1
    }

    /// Whether the selector matches. The reason record decides: a key that is too long is cut in quarantine, and another
    /// key may be equal to the rest of it. Without a record, the keys are compared.
    fn matches(&self, selector: &VersionSelector) -> bool {
        let (key, version_id) = self.source_identity();
        let key_matches = match &self.reason {
            ReasonState::Readable(_) => key == selector.key,
            _ => copy_key(&object_version("", &selector.key, version_id)) == self.objects.copy_key,
        };
        key_matches && selector.version.as_deref().is_none_or(|wanted| wanted == version_id)
    }
}

/// Explains a copy without a reason record.
pub(super) const NO_RECORD: &str = "no reason record: the function is still moving it here, or a release or removal of it was interrupted; run that command again to finish it";

impl Quarantine {
    pub(super) fn bucket(&self) -> &str {
        &self.ingest.quarantine_bucket
    }

    /// The subject of an operator record about this version.
    pub(super) fn record_subject(&self, inspected: &InspectedVersion) -> Subject {
        let (key, version_id) = inspected.source_identity();
        let sha256 = match &inspected.reason {
            ReasonState::Readable(reason) => reason.source.sha256.clone(),
            _ => None,
        };
        Subject::Version {
            version: object_version(&self.ingest.processing_bucket, key, version_id),
            sha256,
            new_version_id: None,
        }
    }

    /// The versions that the selector matches.
    pub(super) async fn find(&self, selector: &VersionSelector) -> anyhow::Result<Vec<InspectedVersion>> {
        let mut grouper = QuarantineGrouper::default();
        let mut candidates: Vec<QuarantinedVersion> = Vec::new();
        let mut pages = self.store.objects(self.bucket(), &listing_prefix(&selector.key));
        while let Some(page) = pages.next().await? {
            for key in page {
                candidates.extend(grouper.push(key).into_iter().filter(|v| may_match(v, selector)));
            }
        }
        candidates.extend(grouper.finish().into_iter().filter(|v| may_match(v, selector)));
        let mut found = Vec::new();
        for objects in candidates {
            let reason = self.read_reason(&objects).await?;
            found.push(InspectedVersion { objects, reason });
        }
        found.retain(|inspected| inspected.matches(selector));
        Ok(found)
    }

    /// Reads the reason record of a version.
    ///
    /// # Errors
    /// If the credentials have expired or the network fails; other errors are [`ReasonState::Unreadable`].
    pub(super) async fn read_reason(&self, objects: &QuarantinedVersion) -> anyhow::Result<ReasonState> {
        if !objects.has_reason {
            return Ok(ReasonState::Absent);
        }
        match self.store.read(self.bucket(), &objects.reason_key(), None, MAX_REASON_RECORD).await {
            Ok(Some(bytes)) => Ok(parse(&bytes, objects)),
            Ok(None) => Ok(ReasonState::Absent),
            Err(error) if matches!(class_of(&error), Some(ErrorClass::Credentials | ErrorClass::Unreachable)) => {
                Err(error)
            }
            Err(error) => Ok(ReasonState::Unreadable(one_line(&error))),
        }
    }
}

fn parse(bytes: &[u8], objects: &QuarantinedVersion) -> ReasonState {
    match serde_json::from_slice::<ReasonRecord>(bytes) {
        Err(error) => ReasonState::Unreadable(format!("it is not a reason record: {error}")),
        Ok(reason) if copy_key(&reason.source.version) != objects.copy_key => ReasonState::Unreadable(format!(
            "it is about another version, {} of `{}`",
            escape(&reason.source.version.version_id),
            escape(&reason.source.version.key)
        )),
        Ok(reason) => ReasonState::Readable(Box::new(reason)),
    }
}

/// A prefix under which every copy of `key` is listed, and possibly copies of other keys.
fn listing_prefix(key: &str) -> String {
    if key.len() <= MAX_UNCUT_KEY {
        return format!("{key}/");
    }
    key[..key.floor_char_boundary(MAX_UNCUT_KEY)].to_owned()
}

/// Whether the selector may match a version, by its key alone.
fn may_match(objects: &QuarantinedVersion, selector: &VersionSelector) -> bool {
    copy_key(&object_version("", &selector.key, objects.source_by_copy_key().1)) == objects.copy_key
}

/// The message of the first quarantine tool, which scripts may compare.
pub(super) fn exists_message(key: &str, bucket: &str) -> String {
    format!("Object {} exists in bucket {}.", escape(key), escape(bucket))
}

/// The message of the first quarantine tool, which scripts may compare.
pub(super) fn does_not_exist_message(key: &str, bucket: &str) -> String {
    format!("Object {} does not exist in bucket {}.", escape(key), escape(bucket))
}

/// An error for a key of which several versions are in quarantine; `option` says how to choose one.
pub(super) fn ambiguous_key_message<'a>(key: &str, version_ids: impl Iterator<Item = &'a str>, option: &str) -> String {
    let version_ids: Vec<String> = version_ids.map(escape).collect();
    format!(
        "several versions of {} are in quarantine: choose one with {option}\n  {}",
        escape(key),
        version_ids.join("\n  ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantined_versions::testing::source;
    use ingest::outcome::Outcome;
    use proptest::prelude::*;

    fn reason(key: &str, version: &str) -> ReasonRecord {
        ReasonRecord {
            outcome: Outcome::Invalid,
            reasons: Vec::new(),
            source: source("in", key, version),
            other: None,
            quarantined_at: String::new(),
            request_id: None,
        }
    }

    fn inspected(reason: &ReasonRecord) -> InspectedVersion {
        InspectedVersion {
            objects: QuarantinedVersion {
                copy_key: copy_key(&reason.source.version),
                has_copy: true,
                has_reason: true,
            },
            reason: ReasonState::Readable(Box::new(reason.clone())),
        }
    }

    fn selector(key: &str) -> VersionSelector {
        VersionSelector { key: key.into(), version: None }
    }

    /// A key too long for the quarantine is cut; another key may be equal to the rest of it.
    #[test]
    fn the_reason_record_identifies_a_cut_key() {
        let version = "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j";
        let long = "x".repeat(1024);
        let of_long = inspected(&reason(&long, version));
        let (cut, _) = of_long.objects.source_by_copy_key();
        assert!(may_match(&of_long.objects, &selector(cut)), "the copy keys are equal");
        assert!(of_long.matches(&selector(&long)) && !of_long.matches(&selector(cut)));
    }

    #[test]
    fn a_reason_record_of_another_version_is_unreadable() {
        let objects = inspected(&reason("a", "V")).objects;
        for (bytes, why) in [
            (serde_json::to_vec(&reason("b", "V")).unwrap(), "another version"),
            (b"{".to_vec(), "not a reason record"),
        ] {
            let ReasonState::Unreadable(cause) = parse(&bytes, &objects) else {
                panic!("accepted");
            };
            assert!(cause.contains(why), "{cause}");
        }
        let own = serde_json::to_vec(&reason("a", "V")).unwrap();
        assert!(matches!(parse(&own, &objects), ReasonState::Readable(_)));
    }

    proptest! {
        /// The copy of every key is listed and matched, and no other key's copy is, with a reason record or without.
        #[test]
        fn a_key_matches_only_its_own_copies(a in "[a/.é漢]{1,400}", b in "[a/.é漢]{1,400}") {
            prop_assume!(a != b && a.len() <= 1024 && b.len() <= 1024);
            let of = |key: &str| inspected(&reason(key, "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j"));
            let bare = |key: &str| InspectedVersion { reason: ReasonState::Absent, ..of(key) };
            prop_assert!(of(&a).objects.copy_key.starts_with(&listing_prefix(&a)));
            prop_assert!(may_match(&of(&a).objects, &selector(&a)));
            prop_assert!(of(&a).matches(&selector(&a)) && bare(&a).matches(&selector(&a)));
            prop_assert!(!of(&b).matches(&selector(&a)) && !bare(&b).matches(&selector(&a)));
        }
    }
}
