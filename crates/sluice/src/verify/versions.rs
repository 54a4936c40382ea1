//! Versions in a bucket against their receipts.

use std::collections::{HashMap, HashSet};

use sluice_types::receipt::receipt_key;
use sluice_types::{
    ObjectVersion as Version, OperatorRecord, Receipt, ReceiptState as State, Record, Timestamp as Moment,
};

use crate::store;
use crate::trail::Answer;
use crate::verify::chain::Chain;
use crate::verify::evidence::{Evidence, Kept};
use crate::verify::finding::{Finding, Kind, version_of};

#[cfg(test)]
mod tests;

/// How many there are of what. `versions` is the sum of `recorded`, `young`, `unrecorded`, `deferred`, `unreadable` and
/// `unchecked`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Versions.
    pub versions: u64,
    /// Versions with a receipt, right or wrong.
    pub recorded: u64,
    /// Versions without a receipt that are young.
    pub young: u64,
    /// Other versions without a receipt.
    pub unrecorded: u64,
    /// Versions recorded without their hash.
    pub deferred: u64,
    /// Versions recorded as ones whose bytes S3 refuses.
    pub unreadable: u64,
    /// Versions whose receipt could not be read, or is missing though it is listed.
    pub unchecked: u64,
    /// Versions with a receipt that are no longer there, where that is allowed.
    pub removed: u64,
    /// Versions with a receipt whose bytes are in quarantine.
    pub moved: u64,
    /// Versions with a receipt that an operator released from quarantine or removed from it.
    pub operated: u64,
    /// Versions that were gone before they were read, which the trail confirms.
    pub gone: u64,
    /// The same, where no trail covers the time.
    pub gone_unproven: u64,
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

/// Receipts of versions that were not listed, by the receipt's key.
pub type Unmatched<'a> = Vec<(&'a str, &'a Receipt)>;

/// What is known about receipts whose versions were not listed.
#[derive(Debug, Default)]
pub struct Matches<'a> {
    /// Their bytes are where the ingest moves what it refuses.
    pub moved: HashSet<&'a str>,
    /// What the trail says about the creation of the rest.
    pub trail: HashMap<&'a str, Answer>,
}

/// Versions being compared with receipts.
pub struct Versions<'a> {
    chain: &'a Chain,
    kept: &'a HashMap<String, Kept>,
    unread: &'a HashSet<String>,
    terms: Terms,
    seen: HashSet<&'a str>,
    /// What is left to read.
    pub work: Vec<Work>,
    /// How many.
    pub counts: Counts,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Versions whose bytes are in quarantine.
    pub moved: Vec<Version>,
    /// Versions that operators released or removed, and their records.
    pub operated: Vec<(Version, &'a OperatorRecord)>,
    /// Versions recorded as ones whose bytes S3 refuses, and why.
    pub unreadable: Vec<(Version, String)>,
    /// Versions recorded as gone of a time that no trail covers, and why.
    pub unproven: Vec<(Version, String)>,
}

impl<'a> Versions<'a> {
    /// Nothing compared yet.
    #[must_use]
    pub fn new(chain: &'a Chain, evidence: &'a Evidence<'_>, terms: Terms) -> Self {
        Self {
            chain,
            kept: &evidence.kept,
            unread: &evidence.unread,
            terms,
            seen: HashSet::new(),
            work: Vec::new(),
            counts: Counts::default(),
            findings: Vec::new(),
            moved: Vec::new(),
            operated: Vec::new(),
            unreadable: Vec::new(),
            unproven: Vec::new(),
        }
    }

    /// Compares one version of the listing.
    pub fn add(&mut self, bucket: &str, listed: &store::Version) {
        self.counts.versions += 1;
        let evidence = receipt_key(&listed_version(bucket, listed));
        if self.unread.contains(&evidence) {
            self.counts.unchecked += 1;
            return;
        }
        let Some((evidence, kept)) = self.kept.get_key_value(evidence.as_str()) else {
            // That a listed receipt is missing was said; a new one would not be the one that is listed.
            let lines = &self.chain.lines[self.chain.listed(&evidence)];
            if lines.iter().any(|l| l.present) {
                self.counts.unchecked += 1;
            } else {
                self.without(bucket, listed);
            }
            return;
        };
        self.counts.recorded += 1;
        self.seen.insert(evidence);
        // What is wrong with the receipt itself was said, and it proves nothing about its version.
        if !kept.sound {
            return;
        }
        let receipt = &kept.receipt;
        let found = |kind, what: String| Finding::of(kind, evidence, what).about(version_of(receipt));
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

    /// A version without a receipt under its own name: young, recorded without a hash, or not at all.
    fn without(&mut self, bucket: &str, listed: &store::Version) {
        let version = listed_version(bucket, listed);
        for state in [State::Deferred, State::Unreadable] {
            let key = Receipt::new(&version, None, state, Moment::from_millis(0)).record_key();
            if self.unread.contains(&key) {
                self.counts.unchecked += 1;
                return;
            }
            if let Some((evidence, kept)) = self.kept.get_key_value(&key) {
                return self.incomplete(version, listed, evidence, kept);
            }
        }
        if listed.modified > self.terms.young_from {
            self.counts.young += 1;
            return;
        }
        self.counts.unrecorded += 1;
        let what = "it has no receipt; `sluice provenance backfill --yes` records it";
        let finding = Finding::of(Kind::VersionUnrecorded, "", what);
        self.findings.push(finding.about(version));
    }

    /// A version that is recorded without its hash.
    fn incomplete(&mut self, version: Version, listed: &store::Version, evidence: &'a str, kept: &Kept) {
        self.seen.insert(evidence);
        let reason = kept.receipt.reason.as_deref().unwrap_or("no reason given");
        let (kind, what) = if kept.receipt.state == State::Unreadable {
            self.counts.unreadable += 1;
            let what = format!(
                "S3 refuses its bytes ({reason}); if that has ended, `sluice provenance backfill --yes` completes its receipt"
            );
            self.unreadable.push((version.clone(), reason.to_owned()));
            (Kind::Unreadable, what)
        } else {
            self.counts.deferred += 1;
            let what = "it is recorded without its hash; `sluice provenance backfill --yes` completes it";
            (Kind::Deferred, what.to_owned())
        };
        if let Some(what) = difference(&kept.receipt, listed).filter(|_| kept.sound) {
            let found = Finding::of(Kind::VersionChanged, evidence, what);
            return self.findings.push(found.about(version));
        }
        if self.terms.strict {
            let found = Finding::of(kind, evidence, what);
            self.findings.push(found.about(version));
        }
    }

    /// The versions that were there when they were recorded and were not listed, among the receipts that `wanted`
    /// takes; by receipt.
    pub fn missing(&self, wanted: impl Fn(&Receipt) -> bool) -> Unmatched<'a> {
        self.unmatched(|kept| match kept.receipt.state {
            State::Hashed => wanted(&kept.receipt),
            State::Deferred | State::Unreadable => !self.completed(&kept.receipt) && wanted(&kept.receipt),
            State::Gone => false,
        })
    }

    /// The versions that were gone when they were recorded, among the receipts that `wanted` takes; by receipt.
    pub fn gone(&self, wanted: impl Fn(&Receipt) -> bool) -> Unmatched<'a> {
        self.unmatched(|kept| kept.receipt.state == State::Gone && wanted(&kept.receipt))
    }

    fn unmatched(&self, wanted: impl Fn(&Kept) -> bool) -> Unmatched<'a> {
        let left =
            self.kept.iter().filter(|(key, kept)| kept.sound && !self.seen.contains(key.as_str()) && wanted(kept));
        let mut left: Vec<_> = left.map(|(k, kept)| (k.as_str(), &kept.receipt)).collect();
        left.sort_unstable_by_key(|(key, _)| *key);
        left
    }

    /// Whether what was recorded without its hash has its receipt.
    fn completed(&self, incomplete: &Receipt) -> bool {
        let receipt = receipt_key(&incomplete.version());
        let receipt = self.kept.get(&receipt);
        receipt.is_some_and(|k| k.receipt.state == State::Hashed)
    }

    /// Takes from `missing` what an operator recorded, and keeps it.
    pub fn take_operated(&mut self, missing: &mut Unmatched<'a>, evidence: &'a Evidence<'_>) {
        missing.retain(|(_, receipt)| {
            let record = evidence.operated(receipt);
            self.operated.extend(record.map(|record| (version_of(receipt), record)));
            record.is_none()
        });
        self.counts.operated = self.operated.len() as u64;
    }

    /// Reports the versions that are `missing` and those that were `gone`, by what is known about them.
    pub fn finish(&mut self, missing: &Unmatched<'a>, gone: &Unmatched<'a>, known: &Matches<'a>) {
        let both = missing.iter().chain(gone);
        let moved = both.filter(|(key, _)| known.moved.contains(key));
        self.moved.extend(moved.map(|(_, receipt)| version_of(receipt)));
        self.counts.moved = self.moved.len() as u64;
        for (key, receipt) in missing.iter().filter(|(key, _)| !known.moved.contains(key)) {
            match known.trail.get(key) {
                Some(Answer::NotCreated) => self.forged(key, receipt),
                _ if self.terms.removed_ok => self.counts.removed += 1,
                answer => {
                    let at = receipt.recorded_at;
                    let trail = match answer {
                        Some(Answer::Created) => "; the trail has its creation".to_owned(),
                        Some(Answer::Uncovered(why)) => format!("; {why}"),
                        Some(Answer::NotCreated) | None => String::new(),
                    };
                    let what = format!("it was recorded at {at}, and is not there{trail}");
                    let finding = Finding::of(Kind::VersionMissing, *key, what);
                    self.findings.push(finding.about(version_of(receipt)));
                }
            }
        }
        for (key, receipt) in gone.iter().filter(|(key, _)| !known.moved.contains(key)) {
            match known.trail.get(key) {
                Some(Answer::Created) => self.counts.gone += 1,
                Some(Answer::NotCreated) => self.forged(key, receipt),
                Some(Answer::Uncovered(why)) => self.open(receipt, why.clone()),
                None => self.open(receipt, "the receipt does not say when it was created".into()),
            }
        }
    }

    fn forged(&mut self, key: &str, receipt: &Receipt) {
        let what = "no such version was ever created, as far as the trail says: the receipt is forged, or logs of the trail are missing";
        let finding = Finding::of(Kind::ReceiptUnproven, key, what);
        self.findings.push(finding.about(version_of(receipt)));
    }

    fn open(&mut self, receipt: &Receipt, why: String) {
        self.counts.gone_unproven += 1;
        self.unproven.push((version_of(receipt), why));
    }
}

/// What reading a version came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bytes {
    /// They are what the receipt says.
    Same,
    /// They have this SHA-256.
    Other(String),
    /// The version went away while this looked.
    Gone,
}

/// What is wrong with a version that was read; none if nothing is.
#[must_use]
pub fn compared(work: &Work, bytes: &Bytes) -> Option<Finding> {
    let (kind, what) = match bytes {
        Bytes::Same => return None,
        Bytes::Other(sha256) => {
            let was = &work.sha256;
            let what = format!("its bytes have SHA-256 {sha256}, its receipt says {was}");
            (Kind::VersionChanged, what)
        }
        Bytes::Gone => (Kind::VersionMissing, "it went away during this verification".to_owned()),
    };
    Some(Finding::of(kind, &work.evidence, what).about(work.version.clone()))
}

/// What the listing says otherwise than the receipt.
fn listed_version(bucket: &str, listed: &store::Version) -> Version {
    Version { bucket: bucket.to_owned(), key: listed.key.clone(), version_id: listed.version_id.clone() }
}

fn difference(receipt: &Receipt, listed: &store::Version) -> Option<String> {
    if let Some(size) = receipt.size.filter(|s| *s != listed.size) {
        return Some(format!("it has {} bytes, its receipt says {size}", listed.size));
    }
    let (of, was) = (listed.etag.as_ref()?, receipt.etag.as_ref()?);
    (of != was).then(|| format!("its ETag is {of}, its receipt says {was}"))
}
