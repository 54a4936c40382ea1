//! Versions in a bucket against their receipts.

use std::collections::{HashMap, HashSet};

use kit::time::Moment;
use provenance::receipt::{Receipt, State, key_of};
use provenance::version::Version;

use crate::store;
use crate::verify::chain::Chain;
use crate::verify::evidence::Kept;
use crate::verify::finding::{Finding, Kind, version_of};

#[cfg(test)]
mod tests;

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
    /// Versions with a receipt whose bytes are in quarantine.
    pub moved: u64,
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
    /// A version that is no longer there is not wrong: a lifecycle rule takes them away.
    pub removed_ok: bool,
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
        let (kind, evidence, what) = if let Some((evidence, kept)) =
            self.kept.get_key_value(&deferred)
        {
            self.seen.insert(evidence);
            self.counts.deferred += 1;
            if let Some(what) = difference(&kept.receipt, listed).filter(|_| kept.sound) {
                let found = Finding::of(Kind::VersionChanged, evidence, what);
                return self.findings.push(found.about(version));
            }
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

    /// The versions that were there when they were recorded and were not listed, among the receipts that `wanted`
    /// takes; by receipt.
    pub fn missing(&self, wanted: impl Fn(&Receipt) -> bool) -> Vec<(&'a str, &'a Receipt)> {
        let there = self.kept.iter().filter(|(_, k)| match k.receipt.state {
            State::Hashed => k.sound,
            State::Deferred | State::Unreadable => k.sound && !self.completed(&k.receipt),
            State::Gone => false,
        });
        let mut missing: Vec<_> = there
            .filter(|(key, kept)| !self.seen.contains(key.as_str()) && wanted(&kept.receipt))
            .map(|(key, kept)| (key.as_str(), &kept.receipt))
            .collect();
        missing.sort_unstable_by_key(|(key, _)| *key);
        missing
    }

    /// Whether what was recorded without its hash has its receipt.
    fn completed(&self, deferred: &Receipt) -> bool {
        let receipt = key_of(&deferred.bucket, &deferred.key, &deferred.version_id);
        let receipt = self.kept.get(&receipt);
        receipt.is_some_and(|k| k.receipt.state == State::Hashed)
    }

    /// Tells the versions that are missing, but for those whose bytes are where the ingest moves what it refuses.
    pub fn finish(&mut self, missing: &[(&'a str, &'a Receipt)], moved: &HashSet<&str>) {
        self.counts.moved += moved.len() as u64;
        let left = missing.iter().filter(|(key, _)| !moved.contains(key));
        if self.terms.removed_ok {
            self.counts.removed += left.count() as u64;
            return;
        }
        for (key, receipt) in left {
            let at = receipt.recorded_at;
            let what = format!("it was recorded at {at}, and is not there");
            let finding = Finding::of(Kind::VersionMissing, *key, what);
            self.findings.push(finding.about(version_of(receipt)));
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
