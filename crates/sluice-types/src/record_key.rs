//! The key of a record: one that S3, SQL engines, file systems and tools that copy between them can all hold.
//!
//! The record of a version has the key `{prefix}{bucket}/{key}/{version-id}{suffix}`. Four things are changed, each in a
//! way that no other key can produce, so that two versions never have the same record key and no record key is a folder
//! of another:
//!
//! - a part of the key that is empty or starts with `.`, `_` or `~` gets a leading `~`: SQL engines skip what starts
//!   with `.` or `_`, and empty parts, `.` and `..` are not valid file names;
//! - a part of the key that could be the file name of a record gets a trailing `~`, so that a folder never has the name
//!   of a file;
//! - a part of the key longer than 255 bytes, or with a NUL, is cut and carries the SHA-256 of the whole part;
//!   so does a part that looks as if it had been cut;
//! - a version-id that does not have the form of S3's version-ids or of a UUID gets a trailing `~`.
//!
//! A record key that exceeds S3's limit is cut too, and carries the SHA-256 of the whole object key.

use std::borrow::Cow;

use crate::digest::sha256;
use crate::keys::MAX_KEY_BYTES;
use crate::object::ObjectVersion;
use crate::record::RecordKind;

/// The longest file name that common file systems accept, in bytes.
const MAX_PART_BYTES: usize = 255;
/// Length of `~` and a SHA-256.
const TAG_BYTES: usize = 65;
/// What is kept of a part that is cut.
const MAX_CUT_BYTES: usize = MAX_PART_BYTES - TAG_BYTES;
/// Length of S3's version-ids.
const S3_VERSION_ID_BYTES: usize = 32;

/// What the file name of a record adds to the version-id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordSuffix {
    /// The receipt of the version.
    Receipt,
    /// A record that the version took too long to hash.
    Deferred,
    /// A record that S3 refuses to return the version's bytes.
    Unreadable,
    /// An operator released the version from quarantine.
    Release,
    /// An operator removed the version from quarantine.
    Remove,
}

impl RecordSuffix {
    const ALL: [Self; 5] = [Self::Receipt, Self::Deferred, Self::Unreadable, Self::Release, Self::Remove];

    /// The part between the version-id and `.json`.
    const fn infix(self) -> &'static str {
        match self {
            Self::Receipt => "",
            Self::Deferred => ".deferred",
            Self::Unreadable => ".unreadable",
            Self::Release => ".release",
            Self::Remove => ".remove",
        }
    }
}

/// The key of a record of `version`.
#[must_use]
pub(crate) fn record_key(kind: RecordKind, version: &ObjectVersion, suffix: RecordSuffix) -> String {
    let prefix = format!("{}{}/", kind.prefix(), version.bucket);
    let name = file_name(&version.version_id, suffix);
    let path = folders(&version.key);
    let room = MAX_KEY_BYTES.saturating_sub(prefix.len() + 1 + name.len());
    if path.len() <= room {
        return format!("{prefix}{path}/{name}");
    }
    let room = room.saturating_sub(TAG_BYTES);
    let last_part = path[..path.floor_char_boundary(room)].rfind('/').map_or(0, |at| at + 1);
    let end = path.floor_char_boundary(room.min(last_part + MAX_CUT_BYTES));
    format!("{prefix}{}~{}/{name}", &path[..end], sha256(version.key.as_bytes()))
}

/// A prefix of the keys of all records of this kind whose object keys start with `key_prefix`. Keys of a few other
/// records may start with it too.
#[must_use]
pub(crate) fn record_key_prefix(kind: RecordKind, bucket: &str, key_prefix: &str) -> String {
    // In the record's key a part may be twice as long, and what is longer may be cut there.
    let known = &key_prefix[..key_prefix.floor_char_boundary(MAX_KEY_BYTES / 4)];
    let (parents, last) = match known.rsplit_once('/') {
        Some((parents, last)) => (format!("{}/", folders(parents)), last),
        None => (String::new(), known),
    };
    // The first character of an empty last part decides whether it is marked, and that is not known.
    let last = match last {
        "" => String::new(),
        last => {
            let marked = mark_hidden(last);
            marked[..cut_at(&marked)].to_owned()
        }
    };
    format!("{}{bucket}/{parents}{last}", kind.prefix())
}

fn folders(key: &str) -> String {
    let parts: Vec<String> = key.split('/').map(folder).collect();
    parts.join("/")
}

/// One part of a key as the name of a folder.
fn folder(part: &str) -> String {
    let mut name = mark_hidden(part).into_owned();
    if is_file_name(name.trim_end_matches('~')) {
        name.push('~');
    }
    if name.len() <= MAX_PART_BYTES && !name.contains('\0') && !looks_cut(&name) {
        return name;
    }
    let end = cut_at(&name);
    format!("{}~{}", &name[..end], sha256(part.as_bytes()))
}

/// Puts a `~` before a part that is empty or that SQL engines would skip.
fn mark_hidden(part: &str) -> Cow<'_, str> {
    match part.bytes().next() {
        None | Some(b'.' | b'_' | b'~') => format!("~{part}").into(),
        Some(_) => part.into(),
    }
}

/// How many bytes of a part are kept if it is cut.
fn cut_at(part: &str) -> usize {
    let first_nul = part.find('\0').unwrap_or(part.len());
    part.floor_char_boundary(first_nul.min(MAX_CUT_BYTES))
}

/// Whether a part ends in a tag, as one that was cut does.
fn looks_cut(part: &str) -> bool {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let start = part.len().checked_sub(TAG_BYTES);
    let tag = start.and_then(|start| part.as_bytes().get(start..));
    tag.is_some_and(|tag| tag[0] == b'~' && tag[1..].iter().all(|byte| is_hex(*byte)))
}

/// The file name of a record.
fn file_name(version_id: &str, suffix: RecordSuffix) -> String {
    let infix = suffix.infix();
    if is_common(version_id) {
        return format!("{}{infix}.json", mark_hidden(version_id));
    }
    let fits = version_id.len() <= MAX_CUT_BYTES && version_id.bytes().all(is_plain);
    let stem = match fits {
        true => mark_hidden(version_id),
        false => format!("sha256-{}", sha256(version_id.as_bytes())).into(),
    };
    format!("{stem}~{infix}.json")
}

/// Whether a part could be the file name of a record. Some parts that could not are included.
fn is_file_name(part: &str) -> bool {
    let Some(stem) = part.strip_suffix(".json") else {
        return false;
    };
    let stems = RecordSuffix::ALL.map(|suffix| stem.strip_suffix(suffix.infix()));
    stems.into_iter().flatten().any(|stem| {
        let version = match stem.strip_prefix('~') {
            Some(rest) if rest.starts_with(['.', '_']) => rest,
            _ => stem,
        };
        stem.ends_with('~') || is_common(version)
    })
}

/// Whether a version-id has the form of S3's or of a UUID, or is one of the two placeholders.
fn is_common(version_id: &str) -> bool {
    let placeholder = version_id == "null" || version_id.starts_with("unknown-");
    let infixes = RecordSuffix::ALL.map(RecordSuffix::infix);
    let has_infix = infixes.iter().any(|infix| !infix.is_empty() && version_id.ends_with(infix));
    (placeholder || version_id.len() == S3_VERSION_ID_BYTES || is_uuid(version_id))
        && version_id.len() <= MAX_CUT_BYTES
        && version_id.bytes().all(is_plain)
        && !has_infix
}

fn is_uuid(text: &str) -> bool {
    let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let fits = |(at, byte): (usize, u8)| (byte == b'-') == dash(at) && (dash(at) || byte.is_ascii_hexdigit());
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

/// Whether every file system and tool accepts the character unchanged.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;
    use proptest::prelude::*;

    const VERSION: &str = "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j";

    fn version(key: &str, version_id: &str) -> ObjectVersion {
        ObjectVersion { bucket: "raw".into(), key: key.into(), version_id: version_id.into() }
    }

    fn receipt(key: &str, version_id: &str) -> String {
        record_key(RecordKind::Object, &version(key, version_id), RecordSuffix::Receipt)
    }

    #[test]
    fn ordinary_keys_and_version_ids_stay_as_they_are() {
        for key in
            ["incoming/4EVR.json", "in/monthly-report-of-2026-11-for-all.json", "incoming/a b/ü.csv", "a/unknown.json"]
        {
            let expected = format!("provenance/raw/{key}/{VERSION}.json");
            assert_eq!(receipt(key, VERSION), expected);
        }
        assert_eq!(receipt("a", "null"), "provenance/raw/a/null.json");
        assert_eq!(receipt("a", "unknown-0055"), "provenance/raw/a/unknown-0055.json");
    }

    /// Athena skips files and folders whose names start with a dot or an underscore.
    #[test]
    fn parts_that_are_skipped_empty_or_look_like_records_are_marked() {
        let hidden = "_7YcjgV4OVh5TAr2ed3RyXG73F.Zh78j";
        for (key, version_id, path) in [
            ("incoming/_draft/.a", VERSION, format!("incoming/~_draft/~.a/{VERSION}.json")),
            ("~a//b/", hidden, format!("~~a/~/b/~/~{hidden}.json")),
            ("../../etc", "v1", "~../~../etc/v1~.json".to_owned()),
            (&format!("X/{VERSION}.json"), VERSION, format!("X/{VERSION}.json~/{VERSION}.json")),
            (&format!("X/{VERSION}.json~"), "v", format!("X/{VERSION}.json~~/v~.json")),
            ("null.json/v1~.json", "v1", "null.json~/v1~.json~/v1~.json".to_owned()),
        ] {
            assert_eq!(receipt(key, version_id), format!("provenance/raw/{path}"));
        }
        for (prefix, start) in [
            ("", "provenance/raw/"),
            ("incoming/", "provenance/raw/incoming/"),
            ("incoming/_dr", "provenance/raw/incoming/~_dr"),
            ("_in", "provenance/raw/~_in"),
            ("/", "provenance/raw/~/"),
            ("null.json/a", "provenance/raw/null.json~/a"),
        ] {
            assert_eq!(record_key_prefix(RecordKind::Object, "raw", prefix), start);
        }
    }

    /// No key can be chosen so that its record has the key of one that was cut.
    #[test]
    fn a_part_that_looks_cut_is_cut_itself() {
        let long = format!("in/{}", "a".repeat(300));
        let path = receipt(&long, VERSION);
        let part = path.split('/').nth(3).unwrap();
        assert!(part.len() == MAX_PART_BYTES && looks_cut(part));
        assert_ne!(receipt(&format!("in/{part}"), VERSION), path);
        let whole = "é/".repeat(340);
        let path = receipt(&whole, VERSION);
        let folders = path.strip_prefix("provenance/raw/").unwrap();
        let (copied, _) = folders.rsplit_once('/').unwrap();
        assert_ne!(receipt(copied, VERSION), path);
    }

    fn key() -> impl Strategy<Value = String> {
        let file = prop::sample::select(vec![
            "null.json".to_owned(),
            format!("{VERSION}.json"),
            format!("{VERSION}.json~"),
            format!("~_{VERSION}.json"),
            format!("_{VERSION}.deferred.json"),
            format!("a~{}", "0".repeat(64)),
            "v1~.json".to_owned(),
            "v1.json".to_owned(),
            "a\0b".to_owned(),
            "x".repeat(254),
            "x".repeat(256),
            format!("{}é", "x".repeat(254)),
        ]);
        let part = prop_oneof![
            3 => "[a._~é]{0,3}",
            3 => file,
            1 => Just("é".repeat(150)),
        ];
        let parts = prop::collection::vec(part, 1..6).prop_map(|parts| parts.join("/"));
        parts.prop_filter("a key", |key| (1..=MAX_KEY_BYTES).contains(&key.len()))
    }

    fn version_id() -> impl Strategy<Value = String> {
        let long = "v".repeat(1024);
        let some = [VERSION, "null", "v1", "_7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j", "a/b", "a+b", &long];
        let odd =
            ["", "abcdefghijklmnopqrstuvw.deferred", "70e44bae-1a24-44d2-aeec-303ddc20f043", "v1~", "v1.deferred"];
        prop::sample::select(some.iter().chain(&odd).map(|v| (*v).to_owned()).collect::<Vec<_>>())
    }

    fn record() -> impl Strategy<Value = (String, String, usize)> {
        (key(), version_id(), 0..RecordSuffix::ALL.len())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        /// All records together form a tree of files that a file system can hold.
        #[test]
        fn records_form_a_tree_of_files(records in prop::collection::hash_set(record(), 1..40)) {
            let mut keys = BTreeMap::new();
            let mut folders = HashSet::new();
            for (key, version_id, suffix) in &records {
                let path = record_key(RecordKind::Object, &version(key, version_id), RecordSuffix::ALL[*suffix]);
                prop_assert!(path.len() <= MAX_KEY_BYTES, "{path}");
                for part in path.split('/') {
                    prop_assert!((1..=MAX_PART_BYTES).contains(&part.len()), "{path}");
                    prop_assert!(!part.starts_with(['.', '_']) && !part.contains('\0'), "{path}");
                }
                let ends = path.match_indices('/').map(|(at, _)| path[..at].to_owned());
                folders.extend(ends);
                let other = keys.insert(path.clone(), (key, version_id, suffix));
                prop_assert!(other.is_none(), "{path} of {other:?} and {:?}", (key, version_id));
            }
            for path in keys.keys() {
                prop_assert!(!folders.contains(path), "a file and a folder: {path}");
            }
        }

        #[test]
        fn records_of_a_key_prefix_share_a_prefix((key, version_id, suffix) in record(), end in any::<prop::sample::Index>()) {
            let end = key.floor_char_boundary(end.index(key.len() + 1));
            let path = record_key(RecordKind::Object, &version(&key, &version_id), RecordSuffix::ALL[suffix]);
            let prefix = record_key_prefix(RecordKind::Object, "raw", &key[..end]);
            prop_assert!(path.starts_with(&prefix), "{path} does not start with {prefix}");
        }
    }
}
