//! Verifies the chain of manifests and collects what they list.

use std::collections::HashSet;
use std::str::FromStr;

use sluice_types::digest::sha256;
use sluice_types::manifest::{self, Opened, Predicate, ResourceDescriptor};
use sluice_types::{RecordKind, Timestamp};

use super::finding::{Finding, FindingKind};
use super::public_keys::PublicKeys;

/// How far the ledger may be behind, in milliseconds: a manifest is written five minutes past each hour, and one run may fail.
pub(super) const MAX_LEDGER_DELAY_MS: u64 = 130 * 60 * 1000;

/// A manifest that an earlier verification printed, as `SEQUENCE:DIGEST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pin {
    pub(super) sequence: u64,
    /// SHA-256 of its envelope, hexadecimal.
    pub(super) sha256: String,
}

impl std::fmt::Display for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.sequence, self.sha256)
    }
}

impl FromStr for Pin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "use SEQUENCE:DIGEST, as printed in the last line of a verification";
        let (sequence, digest) = text.split_once(':').ok_or(expected)?;
        let is_sha256 = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
        match sequence.parse() {
            Ok(sequence) if is_sha256 => Ok(Self { sequence, sha256: digest.to_ascii_lowercase() }),
            _ => Err(expected),
        }
    }
}

/// A record that a manifest lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ListedRecord {
    /// The key of the record.
    pub(super) name: String,
    /// Whether the record existed when the manifest was written; otherwise only its journal entry did.
    pub(super) is_present: bool,
    /// SHA-256 of its bytes, hexadecimal.
    pub(super) sha256: String,
    /// The sequence number of the manifest.
    pub(super) sequence: u64,
}

/// The verified part of the ledger.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// The listed records, sorted by name.
    pub(super) records: Vec<ListedRecord>,
    pub(super) findings: Vec<Finding>,
    /// The last verified manifest.
    pub(super) head: Option<Pin>,
    /// The number of manifests, verified or not.
    pub(super) manifests: usize,
    /// The verified periods, sorted: start (exclusive), end (inclusive), sequence number.
    periods: Vec<(Option<Timestamp>, Timestamp, u64)>,
}

/// What is known of a manifest when the next one is verified.
struct PreviousManifest {
    sequence: u64,
    sha256: String,
    /// The end of its period, if its signature is valid.
    to: Option<Timestamp>,
    is_sound: bool,
}

impl PreviousManifest {
    fn unread(sequence: u64) -> Self {
        Self { sequence, sha256: String::new(), to: None, is_sound: false }
    }
}

impl Chain {
    /// Verifies manifests by key, in any order; the bytes are `None` if they could not be read.
    pub(super) fn verify(mut manifests: Vec<(String, Option<Vec<u8>>)>, keys: &PublicKeys, pins: &[Pin]) -> Self {
        manifests.sort_unstable();
        let mut chain = Self { manifests: manifests.len(), ..Self::default() };
        let (mut previous, mut seen) = (None::<PreviousManifest>, HashSet::new());
        for (key, bytes) in &manifests {
            let Some(sequence) = manifest::sequence_of(key) else {
                chain.add_finding(FindingKind::ManifestChain, key, "its key is not that of a manifest");
                continue;
            };
            let Some(bytes) = bytes else {
                chain.add_gap(previous.as_ref(), sequence);
                previous = Some(PreviousManifest::unread(sequence));
                continue;
            };
            let has_gap = chain.add_gap(previous.as_ref(), sequence);
            let known_previous = previous.filter(|_| !has_gap);
            previous = Some(chain.verify_manifest(key, sequence, bytes, keys, known_previous, &mut seen));
        }
        chain.records.sort_unstable();
        chain.periods.sort_unstable();
        chain.check_pins(&manifests, pins);
        chain
    }

    fn add_finding(&mut self, kind: FindingKind, evidence: &str, what: impl Into<String>) {
        self.findings.push(Finding::new(kind, evidence, what));
    }

    /// Adds a finding if manifests are missing before this one; returns whether they are.
    fn add_gap(&mut self, previous: Option<&PreviousManifest>, sequence: u64) -> bool {
        let expected = previous.map_or(1, |p| p.sequence + 1);
        if sequence == expected {
            return false;
        }
        let missing_key = manifest::key(expected);
        let what = match sequence - expected {
            1 => "it is missing".to_owned(),
            n => format!("it and the {} after it are missing", n - 1),
        };
        self.add_finding(FindingKind::ManifestChain, &missing_key, what);
        true
    }

    /// Verifies one manifest; `previous` is the manifest before it, unless that is missing.
    fn verify_manifest(
        &mut self,
        key: &str,
        sequence: u64,
        bytes: &[u8],
        keys: &PublicKeys,
        previous: Option<PreviousManifest>,
        seen: &mut HashSet<String>,
    ) -> PreviousManifest {
        let mut verified = PreviousManifest { sequence, sha256: sha256(bytes), to: None, is_sound: false };
        let opened = match manifest::open(bytes) {
            Ok(opened) => opened,
            Err(error) => {
                self.add_finding(FindingKind::ManifestSignature, key, error.to_string());
                return verified;
            }
        };
        if !keys.verify(&opened.signed, &opened.signature) {
            let what = "its signature was not made with this key";
            self.add_finding(FindingKind::ManifestSignature, key, what);
            return verified;
        }
        let predicate = &opened.statement.predicate;
        verified.is_sound = true;
        if let Some(what) = discontinuity(predicate, sequence, previous.as_ref()) {
            self.add_finding(FindingKind::ManifestChain, key, what);
            verified.is_sound = false;
        }
        verified.to = Some(predicate.to);
        if seen.insert(opened.sha256.clone()) {
            self.head = Some(Pin { sequence, sha256: verified.sha256.clone() });
            self.add_listed(opened);
        }
        verified
    }

    /// Adds what a manifest with a valid signature lists, whatever its key is.
    fn add_listed(&mut self, opened: Opened) {
        let Predicate { sequence, from, to, announced, .. } = opened.statement.predicate;
        self.periods.push((from, to, sequence));
        let record = |listed: ResourceDescriptor, is_present| ListedRecord {
            name: listed.name,
            is_present,
            sha256: listed.digest.sha256,
            sequence,
        };
        let subjects = opened.statement.subject.into_iter();
        let present = subjects.filter(|s| RecordKind::of(&s.name).is_some());
        self.records.extend(present.map(|listed| record(listed, true)));
        self.records.extend(announced.into_iter().map(|listed| record(listed, false)));
    }

    /// Compares manifests with pins. A manifest whose signature is not valid has a finding already.
    fn check_pins(&mut self, manifests: &[(String, Option<Vec<u8>>)], pins: &[Pin]) {
        for pin in pins {
            let key = manifest::key(pin.sequence);
            let has_invalid_signature = |f: &Finding| f.kind == FindingKind::ManifestSignature && f.evidence == key;
            let pinned = manifests.iter().find(|(k, _)| *k == key);
            let what = match pinned {
                None => "it was pinned and does not exist",
                Some((_, Some(bytes))) if sha256(bytes) != pin.sha256 => {
                    if self.findings.iter().any(has_invalid_signature) {
                        continue;
                    }
                    "its digest differs from the pinned one"
                }
                Some(_) => continue,
            };
            self.add_finding(FindingKind::ManifestChain, &key, what);
        }
    }

    /// The index range of the listed records with this name.
    pub(super) fn listed_range(&self, name: &str) -> std::ops::Range<usize> {
        let from = self.records.partition_point(|r| r.name.as_str() < name);
        let same_name = self.records[from..].iter().take_while(|r| r.name == name);
        from..from + same_name.count()
    }

    /// The end of the last verified period.
    pub(super) fn end(&self) -> Option<Timestamp> {
        self.periods.iter().map(|(_, to, _)| *to).max()
    }

    /// The sequence number of the verified manifest whose period contains this time.
    pub(super) fn manifest_at(&self, at: Timestamp) -> Option<u64> {
        let index = self.periods.partition_point(|(from, ..)| *from < Some(at));
        let (from, to, sequence) = self.periods.get(index.checked_sub(1)?)?;
        (*from < Some(at) && at <= *to).then_some(*sequence)
    }

    /// A finding if the ledger should contain later manifests at this time.
    pub(super) fn behind(&self, at: Timestamp) -> Option<Finding> {
        let (end, head) = (self.end()?, self.head.as_ref()?);
        let what = format!("it ends at {end} and is the last one; check the ledger function's log");
        let finding = Finding::new(FindingKind::LedgerBehind, manifest::key(head.sequence), what);
        (end.plus_millis(MAX_LEDGER_DELAY_MS) < at).then_some(finding)
    }
}

/// Why a manifest does not continue the previous one. A previous manifest that is not sound is not compared.
fn discontinuity(predicate: &Predicate, sequence: u64, previous: Option<&PreviousManifest>) -> Option<String> {
    if predicate.sequence != sequence {
        return Some(format!("its content is that of manifest {}", predicate.sequence));
    }
    if predicate.from >= Some(predicate.to) {
        return Some("its period ends before it starts".into());
    }
    if sequence == 1 {
        let is_first = predicate.previous.is_none() && predicate.from.is_none();
        return (!is_first).then(|| "it was not written as the first manifest".into());
    }
    let previous = previous.filter(|p| p.is_sound)?;
    if predicate.previous != Some(ResourceDescriptor::new(manifest::key(previous.sequence), &previous.sha256)) {
        return Some(format!("it does not refer to this manifest {}", previous.sequence));
    }
    (predicate.from != previous.to)
        .then(|| format!("its period does not continue that of manifest {}", previous.sequence))
}
