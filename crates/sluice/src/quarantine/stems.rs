//! What a listing of the quarantine holds: copies and their reason records, put together.

use std::sync::LazyLock;

use ingest::quarantine::{copy_key, reason_key};
use ingest::source::Source;
use sluice_types::ObjectVersion;

/// What is in quarantine of one version: its copy, its reason record, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stem {
    /// The key of the copy.
    pub copy_key: String,
    /// Whether the copy is there.
    pub copy: bool,
    /// Whether the reason record is there.
    pub reason: bool,
}

impl Stem {
    /// The key of the reason record.
    #[must_use]
    pub fn reason_key(&self) -> String {
        format!("{}{}", self.copy_key, *SUFFIX)
    }

    /// Key and version-id of the source as the copy's key has them; only the reason record knows them for sure.
    #[must_use]
    pub fn by_key(&self) -> (&str, &str) {
        self.copy_key.rsplit_once('/').unwrap_or((&self.copy_key, ""))
    }
}

/// What a reason record's key adds to its copy's.
static SUFFIX: LazyLock<String> = LazyLock::new(|| {
    let source = source("", "k", "v");
    reason_key(&source.version).split_off(copy_key(&source.version).len())
});

/// A source of which only the place is known.
#[must_use]
pub fn source(bucket: &str, key: &str, version_id: &str) -> Source {
    Source {
        version: ObjectVersion { bucket: bucket.into(), key: key.into(), version_id: version_id.into() },
        etag: None,
        size: None,
        sha256: None,
        sequencer: None,
    }
}

/// Puts copies and reason records together as a sorted listing brings them. Between a copy and its record others may
/// be listed, whose keys begin with the copy's: those of a key that was named after it.
#[derive(Debug, Default)]
pub struct Stems(Vec<Stem>);

impl Stems {
    /// Takes the next key; returns what is complete by now.
    pub fn push(&mut self, key: String) -> Vec<Stem> {
        let open = self.0.iter().rposition(|stem| key.starts_with(&stem.copy_key));
        let complete = self.0.split_off(open.map_or(0, |place| place + 1));
        match key.strip_suffix(SUFFIX.as_str()) {
            None => self.0.push(Stem { copy_key: key, copy: true, reason: false }),
            Some(copy_key) => match self.0.iter_mut().find(|stem| stem.copy_key == copy_key) {
                Some(stem) => stem.reason = true,
                None => self.0.push(Stem { copy_key: copy_key.into(), copy: false, reason: true }),
            },
        }
        complete
    }

    /// The rest, after the last key.
    #[must_use]
    pub fn finish(self) -> Vec<Stem> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn grouped(keys: impl IntoIterator<Item = String>) -> Vec<(String, bool, bool)> {
        let mut stems = Stems::default();
        let keys: BTreeSet<String> = keys.into_iter().collect();
        let mut all: Vec<Stem> = keys.into_iter().flat_map(|k| stems.push(k)).collect();
        all.extend(stems.finish());
        let all = all.into_iter().map(|s| (s.copy_key, s.copy, s.reason));
        all.collect::<BTreeSet<_>>().into_iter().collect()
    }

    #[test]
    fn copies_and_records_find_each_other() {
        let keys = [
            "a/1",
            "a/1.reason.json",
            "a/2",
            "atk/V",
            "atk/V-x/W",
            "atk/V-x/W.reason.json",
            "atk/V.reason.json",
            "b.reason.json/3",
            "b.reason.json/3.reason.json",
            "c/4.reason.json",
        ];
        let expected = [
            ("a/1", true, true),
            ("a/2", true, false),
            ("atk/V", true, true),
            ("atk/V-x/W", true, true),
            ("b.reason.json/3", true, true),
            ("c/4", false, true),
        ];
        let expected: Vec<_> = expected.map(|(k, c, r)| (k.to_owned(), c, r)).to_vec();
        assert_eq!(grouped(keys.map(str::to_owned)), expected);
    }

    /// Keys that are named after others: the version-ids of those, and what their records are called.
    fn hostile() -> impl Strategy<Value = (String, String)> {
        let part = prop_oneof![
            Just("a".to_owned()),
            Just("V".to_owned()),
            Just("V.reason.json".to_owned()),
            Just("V-x".to_owned()),
            Just(String::new()),
            Just("é".repeat(495)),
        ];
        let key = prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"));
        let key = key.prop_filter("a key", |k| !k.is_empty() && k.len() <= 1024);
        (key, prop_oneof![Just("V".to_owned()), Just("W".to_owned()), Just("V-x".to_owned())])
    }

    proptest! {
        /// Whatever is in quarantine beside it, every version is found once, with its copy and its record.
        #[test]
        fn every_version_is_found_once(versions in prop::collection::btree_set(hostile(), 1..12)) {
            let sources: Vec<Source> = versions.iter().map(|(k, v)| source("in", k, v)).collect();
            let keys = sources.iter().flat_map(|s| [copy_key(&s.version), reason_key(&s.version)]);
            let mut expected: Vec<_> = sources.iter().map(|s| (copy_key(&s.version), true, true)).collect();
            expected.sort();
            expected.dedup();
            prop_assert_eq!(grouped(keys), expected);
        }

        /// A copy whose record is not there is not lost either, nor a record without its copy.
        #[test]
        fn halves_are_found(versions in prop::collection::btree_map(hostile(), 0..3_u8, 1..12)) {
            let mut expected = BTreeSet::new();
            let mut keys = Vec::new();
            for ((key, version), half) in &versions {
                let source = source("in", key, version);
                if *half != 1 { keys.push(copy_key(&source.version)); }
                if *half != 2 { keys.push(reason_key(&source.version)); }
                expected.insert((copy_key(&source.version), *half != 1, *half != 2));
            }
            prop_assert_eq!(grouped(keys), expected.into_iter().collect::<Vec<_>>());
        }
    }
}
