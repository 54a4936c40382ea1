//! The ledger read back: every manifest verified, and what they list.

use std::collections::HashSet;
use std::str::FromStr;

use sluice_types::digest::sha256;
use sluice_types::manifest::{self, Opened, Predicate, ResourceDescriptor as Listed};
use sluice_types::{RecordKind, Timestamp as Moment};

use crate::verify::finding::{Finding, Kind};
use crate::verify::key::PublicKeys;

/// How far the ledger may be behind, in milliseconds: it is written five minutes past each hour, and one run may fail.
pub const BEHIND_MS: u64 = 130 * 60 * 1000;

/// A manifest that was written down earlier, as `SEQUENCE:DIGEST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Its sequence number.
    pub sequence: u64,
    /// SHA-256 of its envelope, hexadecimal.
    pub sha256: String,
}

impl std::fmt::Display for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.sequence, self.sha256)
    }
}

impl FromStr for Pin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "write SEQUENCE:DIGEST, as the last line of a verification says it";
        let (sequence, digest) = text.split_once(':').ok_or(expected)?;
        let hex = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
        match sequence.parse() {
            Ok(sequence) if hex => Ok(Self { sequence, sha256: digest.to_ascii_lowercase() }),
            _ => Err(expected),
        }
    }
}

/// One object that one manifest lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// The record's key.
    pub name: String,
    /// Whether the record was there, not only announced.
    pub present: bool,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// The manifest's sequence number.
    pub sequence: u64,
}

/// A verified ledger.
#[derive(Debug, Default)]
pub struct Chain {
    /// What is listed, by name.
    pub lines: Vec<Line>,
    /// What is wrong with the manifests.
    pub findings: Vec<Finding>,
    /// The last verified manifest.
    pub head: Option<Pin>,
    /// How many manifests there are.
    pub manifests: usize,
    /// Each verified period: after, to, sequence number; in order.
    periods: Vec<(Option<Moment>, Moment, u64)>,
}

/// A manifest as it was found in its place.
struct Placed {
    sequence: u64,
    sha256: String,
    /// The end of its period, if it is verified.
    to: Option<Moment>,
    sound: bool,
}

impl Placed {
    fn unread(sequence: u64) -> Self {
        Self { sequence, sha256: String::new(), to: None, sound: false }
    }
}

impl Chain {
    /// Verifies manifests, given by key, in any order; none in place of the bytes where they could not be read.
    #[must_use]
    pub fn read(mut manifests: Vec<(String, Option<Vec<u8>>)>, keys: &PublicKeys, pins: &[Pin]) -> Self {
        manifests.sort_unstable();
        let mut chain = Self { manifests: manifests.len(), ..Self::default() };
        let (mut before, mut seen) = (None::<Placed>, HashSet::new());
        for (key, bytes) in &manifests {
            let Some(sequence) = manifest::sequence_of(key) else {
                chain.find(Kind::ManifestChain, key, "it is not the key of a manifest");
                continue;
            };
            let Some(bytes) = bytes else {
                chain.gap(before.as_ref(), sequence);
                before = Some(Placed::unread(sequence));
                continue;
            };
            let gap = chain.gap(before.as_ref(), sequence);
            let placed = chain.place(key, sequence, bytes, keys, before.filter(|_| !gap), &mut seen);
            before = Some(placed);
        }
        chain.lines.sort_unstable();
        chain.periods.sort_unstable();
        chain.pinned(&manifests, pins);
        chain
    }

    fn find(&mut self, kind: Kind, evidence: &str, what: impl Into<String>) {
        self.findings.push(Finding::of(kind, evidence, what));
    }

    /// Tells the manifests that are missing before this one.
    fn gap(&mut self, before: Option<&Placed>, sequence: u64) -> bool {
        let expected = before.map_or(1, |b| b.sequence + 1);
        if sequence == expected {
            return false;
        }
        let missing = manifest::key(expected);
        let what = match sequence - expected {
            1 => "it is missing".to_owned(),
            n => format!("it and the {} after it are missing", n - 1),
        };
        self.find(Kind::ManifestChain, &missing, what);
        true
    }

    fn place(
        &mut self,
        key: &str,
        sequence: u64,
        bytes: &[u8],
        keys: &PublicKeys,
        before: Option<Placed>,
        seen: &mut HashSet<String>,
    ) -> Placed {
        let mut placed = Placed { sequence, sha256: sha256(bytes), to: None, sound: false };
        let opened = match manifest::open(bytes) {
            Ok(opened) => opened,
            Err(error) => {
                self.find(Kind::ManifestSignature, key, error.to_string());
                return placed;
            }
        };
        if !keys.verify(&opened.signed, &opened.signature) {
            let what = "its signature is not of this key";
            self.find(Kind::ManifestSignature, key, what);
            return placed;
        }
        let predicate = &opened.statement.predicate;
        placed.sound = true;
        if let Some(what) = misfit(predicate, sequence, before.as_ref()) {
            self.find(Kind::ManifestChain, key, what);
            placed.sound = false;
        }
        placed.to = Some(predicate.to);
        if seen.insert(opened.sha256.clone()) {
            self.head = Some(Pin { sequence, sha256: placed.sha256.clone() });
            self.take(opened);
        }
        placed
    }

    /// What a verified manifest says is true wherever it lies.
    fn take(&mut self, opened: Opened) {
        let Predicate { sequence, from, to, announced, .. } = opened.statement.predicate;
        self.periods.push((from, to, sequence));
        let line =
            |listed: Listed, present| Line { name: listed.name, present, sha256: listed.digest.sha256, sequence };
        let subjects = opened.statement.subject.into_iter();
        let records = subjects.filter(|s| RecordKind::of(&s.name).is_some());
        self.lines.extend(records.map(|l| line(l, true)));
        self.lines.extend(announced.into_iter().map(|l| line(l, false)));
    }

    /// A pin of a manifest that is refused for its signature says nothing more.
    fn pinned(&mut self, manifests: &[(String, Option<Vec<u8>>)], pins: &[Pin]) {
        for pin in pins {
            let key = manifest::key(pin.sequence);
            let refused = |f: &Finding| f.kind == Kind::ManifestSignature && f.evidence == key;
            let there = manifests.iter().find(|(k, _)| *k == key);
            let what = match there {
                None => "it was pinned, and is not there",
                Some((_, Some(bytes))) if sha256(bytes) != pin.sha256 => {
                    if self.findings.iter().any(refused) {
                        continue;
                    }
                    "another manifest was pinned"
                }
                Some(_) => continue,
            };
            self.find(Kind::ManifestChain, &key, what);
        }
    }

    /// What is listed under this name.
    #[must_use]
    pub fn listed(&self, name: &str) -> std::ops::Range<usize> {
        let from = self.lines.partition_point(|l| l.name.as_str() < name);
        let more = self.lines[from..].iter();
        from..from + more.take_while(|l| l.name == name).count()
    }

    /// The end of what is verified.
    #[must_use]
    pub fn to(&self) -> Option<Moment> {
        self.periods.iter().map(|(_, to, _)| *to).max()
    }

    /// The verified manifest of this moment.
    #[must_use]
    pub fn covers(&self, at: Moment) -> Option<u64> {
        let place = self.periods.partition_point(|(from, ..)| *from < Some(at));
        let (from, to, sequence) = self.periods.get(place.checked_sub(1)?)?;
        (*from < Some(at) && at <= *to).then_some(*sequence)
    }

    /// Whether the ledger should be further on at this moment.
    #[must_use]
    pub fn behind(&self, at: Moment) -> Option<Finding> {
        let (to, head) = (self.to()?, self.head.as_ref()?);
        let what = format!("it ends at {to} and is the last; look at the ledger function's log");
        let finding = Finding::of(Kind::LedgerBehind, manifest::key(head.sequence), what);
        (to.plus_millis(BEHIND_MS) < at).then_some(finding)
    }
}

/// Why a verified manifest does not belong in its place. Of one before it that is not sound itself, nothing is asked.
fn misfit(predicate: &Predicate, sequence: u64, before: Option<&Placed>) -> Option<String> {
    if predicate.sequence != sequence {
        return Some(format!("it is manifest {}", predicate.sequence));
    }
    if predicate.from >= Some(predicate.to) {
        return Some("its period ends before it begins".into());
    }
    let (previous, from) = (&predicate.previous, predicate.from);
    if sequence == 1 {
        let first = previous.is_none() && from.is_none();
        return (!first).then(|| "it is not the first that was written".into());
    }
    let before = before.filter(|b| b.sound)?;
    if *previous != Some(Listed::new(manifest::key(before.sequence), &before.sha256)) {
        return Some(format!("it was not written after this manifest {}", before.sequence));
    }
    (from != before.to).then(|| format!("its period does not follow manifest {}", before.sequence))
}
