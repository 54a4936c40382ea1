//! Versions in a bucket against their receipts.

use std::collections::{HashMap, HashSet};

use kit::time::Moment;
use provenance::receipt::{Receipt, State, key_of};
use provenance::version::Version;

use crate::store;
use crate::verify::chain::Chain;
use crate::verify::evidence::Kept;
use crate::verify::finding::{Finding, Kind, version_of};

/// How many there are of what.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Versions.
    pub versions: u64,
    /// Versions without a receipt that are young.
    pub young: u64,
    /// Versions recorded without their hash.
    pub deferred: u64,
    /// Versions with a receipt that are no longer there, where that is allowed.
    pub removed: u64,
}

/// A version whose bytes are to be read and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The version.
    pub version: Version,
    /// The key of its receipt.
    pub evidence: String,
    /// SHA-256 of its receipt's bytes.
    pub evidence_sha256: String,
    /// SHA-256 that its bytes must have.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its ETag.
    pub etag: Option<String>,
}

/// What is asked of versions.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Versions made after this, in seconds since 1970, may still be on their way.
    pub young_from: i64,
    /// A version recorded without its hash is wrong too.
    pub strict: bool,
}

/// Versions being compared with receipts.
pub struct Versions<'a> {
    chain: &'a Chain,
    kept: &'a HashMap<String, Kept>,
    terms: Terms,
    seen: HashSet<&'a str>,
    /// What is left to read.
    pub work: Vec<Work>,
    /// How many.
    pub counts: Counts,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl<'a> Versions<'a> {
    /// Nothing compared yet.
    #[must_use]
    pub fn new(chain: &'a Chain, kept: &'a HashMap<String, Kept>, terms: Terms) -> Self {
        Self {
            chain,
            kept,
            terms,
            seen: HashSet::new(),
            work: Vec::new(),
            counts: Counts::default(),
            findings: Vec::new(),
        }
    }

    /// Compares one version of the listing.
    pub fn add(&mut self, bucket: &str, listed: &store::Version) {
        self.counts.versions += 1;
        let evidence = key_of(bucket, &listed.key, &listed.version_id);
        let Some((evidence, kept)) = self.kept.get_key_value(evidence.as_str()) else {
            // That a listed receipt is missing was said; a new one would not be the one that is listed.
            let lines = &self.chain.lines[self.chain.listed(&evidence)];
            if !lines.iter().any(|l| l.present) {
                self.unrecorded(bucket, listed);
            }
            return;
        };
        self.seen.insert(evidence);
        // What is wrong with the receipt itself was said, and it proves nothing about its version.
        if !kept.sound {
            return;
        }
        let receipt = &kept.receipt;
        let found =
            |kind, what: String| Finding::of(kind, evidence, what).about(version_of(receipt));
        let (Some(sha256), State::Hashed) = (&receipt.sha256, receipt.state) else {
            let what = "its receipt says that it was gone, and it is there".into();
            return self.findings.push(found(Kind::VersionUnrecorded, what));
        };
        if let Some(what) = difference(receipt, listed) {
            return self.findings.push(found(Kind::VersionChanged, what));
        }
        self.work.push(Work {
            version: version_of(receipt),
            evidence: evidence.clone(),
            evidence_sha256: kept.sha256.clone(),
            sha256: sha256.clone(),
            size: listed.size,
            etag: listed.etag.clone(),
        });
    }

    fn unrecorded(&mut self, bucket: &str, listed: &store::Version) {
        let version = Version {
            bucket: bucket.to_owned(),
            key: listed.key.clone(),
            version_id: listed.version_id.clone(),
        };
        let deferred = deferred_key(&version);
        let (kind, evidence, what) = if self.kept.contains_key(&deferred) {
            self.counts.deferred += 1;
            let what =
                "it is recorded without its hash; `sluice provenance backfill --yes` completes it";
            (Kind::Deferred, deferred, what)
        } else if listed.modified > self.terms.young_from {
            self.counts.young += 1;
            return;
        } else {
            let what = "it has no receipt; `sluice provenance backfill --yes` records it";
            (Kind::VersionUnrecorded, String::new(), what)
        };
        if kind != Kind::Deferred || self.terms.strict {
            self.findings
                .push(Finding::of(kind, evidence, what).about(version));
        }
    }

    /// Tells the versions that have a receipt and were not listed, among the receipts that `wanted` takes; those that
    /// `may_go` takes are only counted.
    pub fn finish(&mut self, wanted: impl Fn(&Receipt) -> bool, may_go: impl Fn(&Receipt) -> bool) {
        let hashed = self
            .kept
            .iter()
            .filter(|(_, k)| k.sound && k.receipt.state == State::Hashed);
        let mut missing: Vec<_> = hashed
            .filter(|(key, kept)| !self.seen.contains(key.as_str()) && wanted(&kept.receipt))
            .collect();
        missing.sort_unstable_by_key(|(key, _)| *key);
        for (key, kept) in missing {
            if may_go(&kept.receipt) {
                self.counts.removed += 1;
                continue;
            }
            let what = format!(
                "it was recorded at {}, and is not there",
                kept.receipt.recorded_at
            );
            let finding = Finding::of(Kind::VersionMissing, key, what);
            self.findings.push(finding.about(version_of(&kept.receipt)));
        }
    }
}

/// Where a version is recorded without its hash.
fn deferred_key(version: &Version) -> String {
    Receipt::of(version, None, State::Deferred, Moment(0)).key()
}

/// What the listing says otherwise than the receipt.
fn difference(receipt: &Receipt, listed: &store::Version) -> Option<String> {
    if let Some(size) = receipt.size.filter(|s| *s != listed.size) {
        return Some(format!(
            "it has {} bytes, its receipt says {size}",
            listed.size
        ));
    }
    let (of, was) = (listed.etag.as_ref()?, receipt.etag.as_ref()?);
    (of != was).then(|| format!("its ETag is {of}, its receipt says {was}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::chain::Line;

    const TERMS: Terms = Terms {
        young_from: 1000,
        strict: false,
    };

    fn receipt(state: State, key: &str) -> Receipt {
        let text = format!(
            r#"{{"state":"hashed","bucket":"raw","key":"{key}","version_id":"v","etag":"e","size":3,"sha256":"00","recorded_at":"1970-01-01T00:00:01Z"}}"#
        );
        let receipt: Receipt = serde_json::from_str(&text).unwrap();
        Receipt { state, ..receipt }
    }

    fn kept(receipts: &[Receipt]) -> HashMap<String, Kept> {
        let kept = |receipt: &Receipt| Kept {
            receipt: receipt.clone(),
            sha256: "11".into(),
            sequence: None,
            sound: true,
        };
        receipts.iter().map(|r| (r.key(), kept(r))).collect()
    }

    fn listed(key: &str) -> store::Version {
        store::Version {
            key: key.into(),
            version_id: "v".into(),
            size: 3,
            etag: Some("e".into()),
            modified: 0,
            latest: true,
            marker: false,
        }
    }

    fn kinds(versions: &Versions<'_>) -> Vec<Kind> {
        versions.findings.iter().map(|f| f.kind).collect()
    }

    #[test]
    fn a_version_is_what_its_receipt_says() {
        let chain = Chain::default();
        let kept = kept(&[receipt(State::Hashed, "a"), receipt(State::Gone, "gone")]);
        let mut versions = Versions::new(&chain, &kept, TERMS);
        versions.add("raw", &listed("a"));
        assert_eq!(
            (versions.work.len(), versions.work[0].sha256.as_str()),
            (1, "00")
        );
        for other in [
            store::Version {
                size: 4,
                ..listed("a")
            },
            store::Version {
                etag: Some("f".into()),
                ..listed("a")
            },
        ] {
            versions.add("raw", &other);
        }
        versions.add("raw", &listed("gone"));
        versions.finish(|_| true, |_| false);
        assert_eq!(
            kinds(&versions),
            [
                Kind::VersionChanged,
                Kind::VersionChanged,
                Kind::VersionUnrecorded
            ]
        );
        assert_eq!(versions.work.len(), 1);
    }

    #[test]
    fn a_version_without_a_receipt_is_young_deferred_or_wrong() {
        let chain = Chain::default();
        let kept = kept(&[receipt(State::Deferred, "long")]);
        let mut versions = Versions::new(&chain, &kept, TERMS);
        versions.add(
            "raw",
            &store::Version {
                modified: 1001,
                ..listed("young")
            },
        );
        versions.add("raw", &listed("long"));
        assert_eq!(
            (
                versions.counts.young,
                versions.counts.deferred,
                kinds(&versions).len()
            ),
            (1, 1, 0)
        );
        versions.add("raw", &listed("old"));
        assert_eq!(kinds(&versions), [Kind::VersionUnrecorded]);
        let mut versions = Versions::new(
            &chain,
            &kept,
            Terms {
                strict: true,
                ..TERMS
            },
        );
        versions.add("raw", &listed("long"));
        assert_eq!(kinds(&versions), [Kind::Deferred]);
    }

    #[test]
    fn a_receipt_without_a_version() {
        let chain = Chain::default();
        let kept = kept(&[
            receipt(State::Hashed, "a"),
            receipt(State::Hashed, "moved/b"),
            receipt(State::Hashed, "elsewhere"),
            receipt(State::Gone, "c"),
        ]);
        let mut versions = Versions::new(&chain, &kept, TERMS);
        versions.finish(|r| r.key != "elsewhere", |r| r.key.starts_with("moved/"));
        assert_eq!(kinds(&versions), [Kind::VersionMissing]);
        assert_eq!(versions.counts.removed, 1);
    }

    #[test]
    fn a_receipt_that_is_not_sound_proves_nothing() {
        let chain = Chain::default();
        let mut kept = kept(&[receipt(State::Hashed, "a")]);
        kept.values_mut().for_each(|k| k.sound = false);
        let mut versions = Versions::new(&chain, &kept, TERMS);
        versions.add("raw", &listed("a"));
        versions.finish(|_| true, |_| false);
        assert!(versions.work.is_empty() && versions.findings.is_empty());
    }

    #[test]
    fn a_version_whose_receipt_was_taken_away_is_not_told_twice() {
        let (mut chain, kept) = (Chain::default(), HashMap::new());
        chain.lines.push(Line {
            name: receipt(State::Hashed, "a").key(),
            present: true,
            sha256: "11".into(),
            sequence: 1,
        });
        let mut versions = Versions::new(&chain, &kept, TERMS);
        versions.add("raw", &listed("a"));
        assert!(versions.findings.is_empty());
        chain.lines[0].present = false;
        let mut versions = Versions::new(&chain, &kept, TERMS);
        versions.add("raw", &listed("a"));
        assert_eq!(
            kinds(&versions),
            [Kind::VersionUnrecorded],
            "its writer was cut off"
        );
    }
}
