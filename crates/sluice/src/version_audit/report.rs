//! Prints the outcome of one version as a row.

use lambda_support::log::escape;
use serde_json::json;
use sluice_types::{ListedVersion, ObjectVersion};

use super::VersionOutcome;
use crate::aws::s3_listing::modified_seconds;
use crate::report::Report;
use crate::time::rfc3339;

/// Why the move of a refused version is incomplete.
const UNFINISHED: &str = "its reason record is in quarantine, and the object is still in the processing bucket";

/// Prints a version that has no outcome, whose move to quarantine is incomplete, or that is or could not be read. Other
/// versions print nothing.
pub(crate) fn print_outcome(listed: &ListedVersion, outcome: &VersionOutcome, young: bool, report: &Report) {
    let (what, why, recorded_outcome, expected) = match outcome {
        VersionOutcome::Missing(_) | VersionOutcome::Refused if young => return,
        VersionOutcome::Missing(expected) => ("no outcome", expected.text(), None, expected.name()),
        VersionOutcome::Refused => ("move not finished", UNFINISHED.to_owned(), None, None),
        VersionOutcome::Unreadable(why) => ("unreadable", why.clone(), Some("unreadable"), None),
        VersionOutcome::Unknown(why) => ("cannot be read", why.clone(), None, None),
        _ => return,
    };
    let (ObjectVersion { key, version_id, .. }, size) = (&listed.version, listed.attributes.size);
    let modified = rfc3339(modified_seconds(listed));
    report.line(
        format_args!("{what}: {}  {}  {modified}  {size} bytes  {why}", escape(key), escape(version_id)),
        &json!({
            "key": key, "version_id": version_id, "modified": modified, "size": size,
            "end": recorded_outcome, "what": what, "expected": expected, "why": why,
        }),
    );
}

/// Prints a listed key that cannot be decoded.
pub(crate) fn print_undecodable_key(listed_key: &str, report: &Report) {
    let why = "the listing has a key that is not UTF-8 once decoded";
    report.line(
        format_args!("cannot be read: {}  {why}", escape(listed_key)),
        &json!({"listed_key": listed_key, "end": null, "what": "cannot be read", "why": why}),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::s3_listing::testing;
    use crate::report::testing::{HOSTILE, assert_escaped};
    use crate::version_audit::Expected;

    #[test]
    fn untrusted_text_is_escaped() {
        let listed = testing::listed(HOSTILE, HOSTILE);
        for outcome in [
            VersionOutcome::Missing(Expected::Validation),
            VersionOutcome::Missing(Expected::Conflict),
            VersionOutcome::Refused,
            VersionOutcome::Unreadable("why".into()),
            VersionOutcome::Unknown("why".into()),
        ] {
            assert_escaped(1, |report| print_outcome(&listed, &outcome, false, report));
        }
        assert_escaped(1, |report| print_undecodable_key(HOSTILE, report));
    }
}
