//! Where a version is, and the invariants that hold in every state.

use ingest::item::source_of;
use ingest::outcome::Outcome;
use ingest::quarantine::copy_key;
use ingest::verdict::Verdict;
use lambda_support::fakes::FakeAws;
use sluice_types::ObjectVersion;

use super::{PROCESSING, QUARANTINE, reason_record};

/// Where a version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Location {
    /// Its item is in the table, its bytes in the processing bucket.
    Table,
    /// Its copy and its reason record are in quarantine, and its bytes were deleted from the processing bucket.
    Quarantine,
    /// It is in the processing bucket, without an item; its move to quarantine may have begun.
    Processing,
    /// It does not exist.
    Nowhere,
}

/// Checks the invariants and returns where the version is: it is stored at most once; it is never both stored and
/// quarantined; it is deleted only when a complete copy and a reason record exist, or by its owner.
pub(crate) fn location(aws: &FakeAws, version: &ObjectVersion, bytes: &[u8], deleted_by_owner: bool) -> Location {
    location_among(aws, &stored_versions(aws), version, bytes, deleted_by_owner)
}

/// The version-ids of the objects whose items are in the table, sorted.
pub(crate) fn stored_versions(aws: &FakeAws) -> Vec<String> {
    let sources = aws.table.items().filter_map(|item| source_of(&item));
    let mut version_ids: Vec<String> = sources.map(|source| source.version.version_id).collect();
    version_ids.sort();
    version_ids
}

/// [`location`] with the result of [`stored_versions`].
pub(crate) fn location_among(
    aws: &FakeAws,
    stored_versions: &[String],
    version: &ObjectVersion,
    bytes: &[u8],
    deleted_by_owner: bool,
) -> Location {
    let first = stored_versions.partition_point(|id| *id < version.version_id);
    let end = stored_versions.partition_point(|id| *id <= version.version_id);
    let stored = end - first;
    assert!(stored <= 1, "stored {stored} times: {version:?}");
    let quarantined = reason_record(aws, version).is_some();
    let copy = aws.s3.get(QUARANTINE, &copy_key(version), None).ok();
    let exists = aws.s3.get(PROCESSING, &version.key, Some(&version.version_id)).is_ok();
    if quarantined {
        assert_eq!(stored, 0, "stored and quarantined: {version:?}");
        let object = copy.expect("a reason record without a copy");
        assert_eq!(object.body.as_deref(), Some(bytes), "the copy differs from the object");
    } else {
        assert!(exists || deleted_by_owner, "deleted without a reason record: {version:?}");
    }
    match (stored, quarantined, exists) {
        (1, ..) => Location::Table,
        (_, true, false) => Location::Quarantine,
        (_, _, true) => Location::Processing,
        _ => Location::Nowhere,
    }
}

/// Checks that the verdict of a complete delivery agrees with where the version is.
pub(crate) fn assert_agrees(verdict: &Verdict, location: Location, deleted_by_owner: bool) {
    let agrees = match verdict.outcome {
        Outcome::Stored | Outcome::Redelivered => location == Location::Table,
        Outcome::Conflict | Outcome::Invalid => location == Location::Quarantine,
        Outcome::Duplicate | Outcome::Skipped | Outcome::TooLarge | Outcome::Unreadable => {
            location == Location::Processing || deleted_by_owner
        }
        Outcome::Gone => location == Location::Nowhere || deleted_by_owner,
    };
    assert!(agrees, "{:?}, but the version is in {location:?}", verdict.outcome);
}
