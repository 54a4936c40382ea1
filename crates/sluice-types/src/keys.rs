//! Object keys: S3's limit and the prefixes that the project reserves.

use crate::digest::sha256;

/// S3's limit on the length of a key, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 1024;

/// The project's own files in a data bucket, such as the schema of the ingest Lambda. They are not data.
pub const PROJECT_PREFIX: &str = "_sluice/";
/// Receipts, mirroring the keys of the object versions that they describe.
pub const RECEIPTS_PREFIX: &str = "provenance/";
/// Operator records, mirroring the keys of the object versions that they describe.
pub(crate) const OPERATOR_PREFIX: &str = "operator/";
/// Journal entries, ordered by time.
pub const JOURNAL_PREFIX: &str = "journal/";
/// Manifests, ordered by sequence number.
pub const LEDGER_PREFIX: &str = "ledger/";

/// Whether a key lies under a prefix that holds evidence. Evidence is never itself recorded.
#[must_use]
pub fn is_evidence(key: &str) -> bool {
    let prefixes = [RECEIPTS_PREFIX, OPERATOR_PREFIX, JOURNAL_PREFIX, LEDGER_PREFIX];
    prefixes.iter().any(|prefix| key.starts_with(prefix))
}

/// `{prefix}{key}{suffix}` in at most [`MAX_KEY_BYTES`] bytes. A key that does not fit is cut and carries the SHA-256 of
/// the whole key instead, so that two keys never become the same.
#[must_use]
pub fn fit_key(prefix: &str, key: &str, suffix: &str) -> String {
    if prefix.len() + key.len() + suffix.len() <= MAX_KEY_BYTES {
        return format!("{prefix}{key}{suffix}");
    }
    let tag = format!("~{}", sha256(key.as_bytes()));
    let room = MAX_KEY_BYTES.saturating_sub(prefix.len() + tag.len() + suffix.len());
    let end = key.floor_char_boundary(room);
    format!("{prefix}{}{tag}{suffix}", &key[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_reserved_prefixes_at_the_start_of_a_key_hold_evidence() {
        for key in ["provenance/b/k/v.json", "operator/b/k/v.remove.json", "journal/x", "ledger/1"] {
            assert!(is_evidence(key), "{key}");
        }
        for key in ["incoming/ledger/1", "operators", "provenance", "_sluice/schema/1.json"] {
            assert!(!is_evidence(key), "{key}");
        }
    }

    proptest! {
        #[test]
        fn fitted_keys_are_within_the_limit_and_distinct(a in "[a/.é漢]{1,400}", b in "[a/.é漢]{1,400}") {
            prop_assume!(a.len() <= MAX_KEY_BYTES && b.len() <= MAX_KEY_BYTES && a != b);
            let fit = |key: &str| fit_key("front/bucket/", key, "/b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j.deferred.json");
            prop_assert!(fit(&a).len() <= MAX_KEY_BYTES);
            prop_assert_ne!(fit(&a), fit(&b));
        }
    }
}
