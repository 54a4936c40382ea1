//! Where a record lies: a key that S3, SQL engines, file systems and tools that copy between them can all hold.
//!
//! A record of a version lies at `{kind}/{bucket}/{key}/{version-id}{ending}`. Four things are changed, each in a way
//! that no other key can produce, so that two versions never share a place and no place is a folder of another:
//!
//! - a part of the key that is empty or begins with `.`, `_` or `~` gets a `~` in front: engines pass over what begins
//!   with `.` or `_`, and empty parts, `.` and `..` are not file names;
//! - a part of the key that could be the name of a record gets a `~` behind, so that a folder never has the name of a
//!   file;
//! - a part of the key above [`MAX_PART`] bytes, or with a NUL, is cut and carries the SHA-256 of the whole part; so
//!   does a part that looks as if it had been cut;
//! - a version-id that has not the form of S3's, or of a UUID, gets a `~` behind.
//!
//! A place above S3's limit is cut too, and carries the SHA-256 of the whole key.

use std::borrow::Cow;

use lambda_support::names::{MAX_KEY, sha256};

/// File systems hold names up to this many bytes.
pub const MAX_PART: usize = 255;
/// `~` and a SHA-256.
const TAG: usize = 65;
/// What is left of a part that is cut.
const MAX_CUT: usize = MAX_PART - TAG;
/// Version-ids of S3 have this many characters.
const S3_VERSION: usize = 32;

/// The last part of a record's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The receipt of the version.
    Receipt,
    /// A record that says that the version was too long to be hashed.
    Deferred,
    /// A record that says that S3 refuses the version's bytes.
    Unreadable,
    /// An operator released the version from quarantine.
    Release,
    /// An operator removed the version from quarantine.
    Remove,
}

impl Ending {
    const ALL: [Self; 5] = [Self::Receipt, Self::Deferred, Self::Unreadable, Self::Release, Self::Remove];

    /// Between the version-id and `.json`.
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

/// The key of the record of a version; `kind` is the prefix of its kind, ending in a slash.
#[must_use]
pub fn key_of(kind: &str, bucket: &str, key: &str, version_id: &str, ending: Ending) -> String {
    let front = format!("{kind}{bucket}/");
    let name = file_name(version_id, ending);
    let path = folders(key);
    let room = MAX_KEY.saturating_sub(front.len() + 1 + name.len());
    if path.len() <= room {
        return format!("{front}{path}/{name}");
    }
    let room = room.saturating_sub(TAG);
    let begun = path[..path.floor_char_boundary(room)].rfind('/');
    let begun = begun.map_or(0, |at| at + 1);
    let cut = path.floor_char_boundary(room.min(begun + MAX_CUT));
    format!("{front}{}~{}/{name}", &path[..cut], sha256(key.as_bytes()))
}

/// What the keys of all records begin with whose versions' keys begin with `prefix`, and perhaps of some more.
#[must_use]
pub fn under(kind: &str, bucket: &str, prefix: &str) -> String {
    // A longer one may be cut in the record's key, where its parts are up to twice as long.
    let known = &prefix[..prefix.floor_char_boundary(MAX_KEY / 4)];
    let (whole, begun) = match known.rsplit_once('/') {
        Some((whole, begun)) => (format!("{}/", folders(whole)), begun),
        None => (String::new(), known),
    };
    // How a part that is empty so far goes on is not known.
    let begun = match begun {
        "" => String::new(),
        begun => {
            let shown = in_front(begun);
            shown[..cut_at(&shown)].to_owned()
        }
    };
    format!("{kind}{bucket}/{whole}{begun}")
}

fn folders(key: &str) -> String {
    let parts: Vec<String> = key.split('/').map(folder).collect();
    parts.join("/")
}

/// One part of a key as a folder.
fn folder(part: &str) -> String {
    let mut shown = in_front(part).into_owned();
    if is_file_name(shown.trim_end_matches('~')) {
        shown.push('~');
    }
    if shown.len() <= MAX_PART && !shown.contains('\0') && !looks_cut(&shown) {
        return shown;
    }
    let cut = cut_at(&shown);
    format!("{}~{}", &shown[..cut], sha256(part.as_bytes()))
}

fn in_front(part: &str) -> Cow<'_, str> {
    match part.bytes().next() {
        None | Some(b'.' | b'_' | b'~') => format!("~{part}").into(),
        Some(_) => part.into(),
    }
}

/// How much of a part stays if it is cut.
fn cut_at(part: &str) -> usize {
    let end = part.find('\0').unwrap_or(part.len());
    part.floor_char_boundary(end.min(MAX_CUT))
}

/// Whether it ends as a part that was cut does.
fn looks_cut(part: &str) -> bool {
    let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let at = part.len().checked_sub(TAG);
    let tag = at.and_then(|at| part.as_bytes().get(at..));
    tag.is_some_and(|tag| tag[0] == b'~' && tag[1..].iter().all(|b| hex(*b)))
}

/// The name of a record.
fn file_name(version_id: &str, ending: Ending) -> String {
    let infix = ending.infix();
    if is_usual(version_id) {
        return format!("{}{infix}.json", in_front(version_id));
    }
    let fits = version_id.len() <= MAX_CUT && version_id.bytes().all(is_plain);
    let shown = match fits {
        true => in_front(version_id),
        false => format!("sha256-{}", sha256(version_id.as_bytes())).into(),
    };
    format!("{shown}~{infix}.json")
}

/// Whether a part could be the name of a record; some that could not are taken for one too.
fn is_file_name(part: &str) -> bool {
    let Some(stem) = part.strip_suffix(".json") else {
        return false;
    };
    let stems = Ending::ALL.map(|e| stem.strip_suffix(e.infix()));
    stems.into_iter().flatten().any(|stem| {
        let version = match stem.strip_prefix('~') {
            Some(rest) if rest.starts_with(['.', '_']) => rest,
            _ => stem,
        };
        stem.ends_with('~') || is_usual(version)
    })
}

/// Whether it is a version-id as S3 and those that imitate it make them, or stands for one.
fn is_usual(version_id: &str) -> bool {
    let known = version_id == "null" || version_id.starts_with("unknown-");
    let infixed = Ending::ALL.map(|e| !e.infix().is_empty() && version_id.ends_with(e.infix()));
    (known || version_id.len() == S3_VERSION || is_uuid(version_id))
        && version_id.len() <= MAX_CUT
        && version_id.bytes().all(is_plain)
        && !infixed.contains(&true)
}

fn is_uuid(text: &str) -> bool {
    let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let fits = |(at, byte): (usize, u8)| (byte == b'-') == dash(at) && (dash(at) || byte.is_ascii_hexdigit());
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

/// Characters of version-ids that every file system and tool takes as they are.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;
    use proptest::prelude::*;

    const KIND: &str = "provenance/";
    const VERSION: &str = "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j";

    fn receipt(key: &str, version_id: &str) -> String {
        key_of(KIND, "raw", key, version_id, Ending::Receipt)
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

    /// Athena passes over files and folders whose names begin with a dot or an underscore.
    #[test]
    fn what_would_be_hidden_is_a_folder_or_could_be_mistaken_is_marked() {
        let hidden = "_7YcjgV4OVh5TAr2ed3RyXG73F.Zh78j";
        for (key, version_id, place) in [
            ("incoming/_draft/.a", VERSION, format!("incoming/~_draft/~.a/{VERSION}.json")),
            ("~a//b/", hidden, format!("~~a/~/b/~/~{hidden}.json")),
            ("../../etc", "v1", "~../~../etc/v1~.json".to_owned()),
            (&format!("X/{VERSION}.json"), VERSION, format!("X/{VERSION}.json~/{VERSION}.json")),
            (&format!("X/{VERSION}.json~"), "v", format!("X/{VERSION}.json~~/v~.json")),
            ("null.json/v1~.json", "v1", "null.json~/v1~.json~/v1~.json".to_owned()),
        ] {
            assert_eq!(receipt(key, version_id), format!("provenance/raw/{place}"));
        }
        for (prefix, start) in [
            ("", "provenance/raw/"),
            ("incoming/", "provenance/raw/incoming/"),
            ("incoming/_dr", "provenance/raw/incoming/~_dr"),
            ("_in", "provenance/raw/~_in"),
            ("/", "provenance/raw/~/"),
            ("null.json/a", "provenance/raw/null.json~/a"),
        ] {
            assert_eq!(under(KIND, "raw", prefix), start);
        }
    }

    /// A key cannot be made so that it lies where one that was cut lies.
    #[test]
    fn what_looks_cut_is_cut_itself() {
        let long = format!("in/{}", "a".repeat(300));
        let place = receipt(&long, VERSION);
        let part = place.split('/').nth(3).unwrap();
        assert!(part.len() == MAX_PART && looks_cut(part));
        assert_ne!(receipt(&format!("in/{part}"), VERSION), place);
        let whole = "é/".repeat(340);
        let place = receipt(&whole, VERSION);
        let folders = place.strip_prefix("provenance/raw/").unwrap();
        let (copied, _) = folders.rsplit_once('/').unwrap();
        assert_ne!(receipt(copied, VERSION), place);
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
        parts.prop_filter("a key", |key| (1..=MAX_KEY).contains(&key.len()))
    }

    fn version_id() -> impl Strategy<Value = String> {
        let long = "v".repeat(1024);
        let some = [VERSION, "null", "v1", "_7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j", "a/b", "a+b", &long];
        let odd =
            ["", "abcdefghijklmnopqrstuvw.deferred", "70e44bae-1a24-44d2-aeec-303ddc20f043", "v1~", "v1.deferred"];
        prop::sample::select(some.iter().chain(&odd).map(|v| (*v).to_owned()).collect::<Vec<_>>())
    }

    fn record() -> impl Strategy<Value = (String, String, usize)> {
        (key(), version_id(), 0..Ending::ALL.len())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        /// All records together are a tree of files that a file system can hold.
        #[test]
        fn records_are_a_tree_of_files(records in prop::collection::hash_set(record(), 1..40)) {
            let mut places = BTreeMap::new();
            let mut folders = HashSet::new();
            for (key, version_id, ending) in &records {
                let place = key_of(KIND, "raw", key, version_id, Ending::ALL[*ending]);
                prop_assert!(place.len() <= MAX_KEY, "{place}");
                for part in place.split('/') {
                    prop_assert!((1..=MAX_PART).contains(&part.len()), "{place}");
                    prop_assert!(!part.starts_with(['.', '_']) && !part.contains('\0'), "{place}");
                }
                let ends = place.match_indices('/').map(|(at, _)| place[..at].to_owned());
                folders.extend(ends);
                let other = places.insert(place.clone(), (key, version_id, ending));
                prop_assert!(other.is_none(), "{place} of {other:?} and {:?}", (key, version_id));
            }
            for place in places.keys() {
                prop_assert!(!folders.contains(place), "a file and a folder: {place}");
            }
        }

        #[test]
        fn records_of_a_prefix_lie_under_it((key, version_id, ending) in record(), end in any::<prop::sample::Index>()) {
            let end = key.floor_char_boundary(end.index(key.len() + 1));
            let place = key_of(KIND, "raw", &key, &version_id, Ending::ALL[ending]);
            let start = under(KIND, "raw", &key[..end]);
            prop_assert!(place.starts_with(&start), "{place} is not under {start}");
        }
    }
}
