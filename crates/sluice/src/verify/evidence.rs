//! Records against the ledger: receipts, and what operators recorded.

use std::collections::{HashMap, HashSet};

use serde::de::DeserializeOwned;
use sluice_types::digest::sha256;
use sluice_types::operator_record::operator_record_key as record_key;
use sluice_types::{
    ObjectVersion as Version, OperatorAction as Action, OperatorRecord, Receipt, Record as _, RecordKind,
    Timestamp as Moment,
};

use crate::verify::chain::{BEHIND_MS, Chain, Line};
use crate::verify::finding::{Finding, Kind, version_of};

/// Clocks may be this far apart, in milliseconds.
const SKEW_MS: u64 = 5 * 60 * 1000;

/// A record as it was found: read and hashed, not compared yet.
pub struct Found {
    key: String,
    sha256: String,
    record: Option<Record>,
}

/// What a record says.
enum Record {
    Receipt(Receipt),
    Operator(OperatorRecord),
}

impl Record {
    fn key(&self) -> String {
        match self {
            Self::Receipt(receipt) => receipt.record_key(),
            Self::Operator(record) => record.record_key(),
        }
    }

    fn recorded_at(&self) -> Moment {
        match self {
            Self::Receipt(receipt) => receipt.recorded_at,
            Self::Operator(record) => record.recorded_at,
        }
    }

    fn version(&self) -> Option<Version> {
        match self {
            Self::Receipt(receipt) => Some(version_of(receipt)),
            Self::Operator(record) => record.version(),
        }
    }
}

impl Found {
    /// These bytes under this key.
    #[must_use]
    pub fn read(key: String, bytes: &[u8]) -> Self {
        fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
            serde_json::from_slice(bytes).ok()
        }
        let record = match RecordKind::of(&key) {
            Some(RecordKind::Object) => parse(bytes).map(Record::Receipt),
            Some(RecordKind::Operator) => parse(bytes).map(Record::Operator),
            None => None,
        };
        Self { sha256: sha256(bytes), record, key }
    }
}

/// A receipt, and whether the ledger bears it out or may still do so.
#[derive(Debug, Clone)]
pub struct Kept {
    /// What it says.
    pub receipt: Receipt,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// The manifest that lists it; none while it is pending.
    pub sequence: Option<u64>,
    /// Nothing is wrong with it.
    pub sound: bool,
}

/// How many there are of what.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Receipts.
    pub receipts: u64,
    /// Operator records.
    pub operator_records: u64,
    /// Records that are younger than the last manifest.
    pub pending: u64,
    /// Records of a time whose manifest is missing, not sound or not read.
    pub unproven: u64,
    /// Announcements without their record: a writer was cut off or came second.
    pub announced: u64,
}

/// Records being compared with a ledger.
pub struct Evidence<'a> {
    chain: &'a Chain,
    seen: Vec<bool>,
    keep: bool,
    oldest: Option<Moment>,
    newest: Option<Moment>,
    /// The receipts, by key, if they are kept.
    pub kept: HashMap<String, Kept>,
    /// Keys of records that are there and could not be read.
    pub unread: HashSet<String>,
    /// The operator records that nothing is wrong with, by key.
    operated: HashMap<String, OperatorRecord>,
    /// How many.
    pub counts: Counts,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl<'a> Evidence<'a> {
    /// Nothing compared yet; `keep` the receipts for what comes after.
    #[must_use]
    pub fn new(chain: &'a Chain, keep: bool) -> Self {
        Self {
            chain,
            seen: vec![false; chain.lines.len()],
            keep,
            oldest: None,
            newest: None,
            kept: HashMap::new(),
            unread: HashSet::new(),
            operated: HashMap::new(),
            counts: Counts::default(),
            findings: Vec::new(),
        }
    }

    /// A record is there and could not be read: nothing is said about it or its version.
    pub fn unread(&mut self, key: String) {
        self.seen[self.chain.listed(&key)].fill(true);
        self.unread.insert(key);
    }

    /// Compares one record, read at `now`: the next may be read an hour later.
    pub fn add(&mut self, found: Found, now: Moment) {
        match RecordKind::of(&found.key) {
            Some(RecordKind::Operator) => self.counts.operator_records += 1,
            Some(RecordKind::Object) | None => self.counts.receipts += 1,
        }
        let range = self.chain.listed(&found.key);
        self.seen[range.clone()].fill(true);
        let lines = &self.chain.lines[range];
        let (problem, sequence) = if lines.is_empty() {
            (self.unlisted(&found, now), None)
        } else {
            match line_of(lines, &found.sha256) {
                Some(line) => (self.misplaced(&found, line), Some(line.sequence)),
                None => (Some((Kind::ReceiptChanged, changed(lines))), None),
            }
        };
        let sound = problem.is_none();
        if let Some((kind, what)) = problem {
            let finding = Finding::of(kind, &found.key, what);
            let version = found.record.as_ref().and_then(Record::version);
            self.findings.push(Finding { version, ..finding });
        }
        match found.record {
            Some(Record::Receipt(receipt)) if self.keep => {
                let kept = Kept { receipt, sha256: found.sha256, sequence, sound };
                self.kept.insert(found.key, kept);
            }
            Some(Record::Operator(record)) if sound => {
                self.operated.insert(found.key, record);
            }
            _ => {}
        }
    }

    /// What an operator recorded about the version of a receipt before it went away.
    #[must_use]
    pub fn operated(&self, receipt: &Receipt) -> Option<&OperatorRecord> {
        let version = version_of(receipt);
        let records = [Action::Remove, Action::Release].map(|a| record_key(&version, a));
        let mut records = records.iter().filter_map(|key| self.operated.get(key));
        records.find(|record| {
            let both = record.sha256.as_ref().zip(receipt.sha256.as_ref());
            both.is_none_or(|(recorded, was)| recorded == was)
        })
    }

    fn unlisted(&mut self, found: &Found, now: Moment) -> Option<(Kind, String)> {
        let unlisted = |what: String| Some((Kind::ReceiptUnlisted, what));
        let Some(record) = &found.record else {
            return unlisted("it is not a record, and no manifest lists it".into());
        };
        let at = record.recorded_at();
        if let Some(sequence) = self.chain.covers(at) {
            return unlisted(format!("it says {at}, and manifest {sequence} does not list it"));
        }
        if at > now.plus_millis(SKEW_MS) {
            return unlisted(format!("it says {at}, which is still to come"));
        }
        if record.key() != found.key {
            let what = format!("it is the record `{}`", record.key());
            return Some((Kind::ReceiptMisplaced, what));
        }
        if self.chain.to().is_some_and(|to| at <= to) {
            self.counts.unproven += 1;
            return None;
        }
        self.counts.pending += 1;
        self.oldest = Some(self.oldest.map_or(at, |oldest| oldest.min(at)));
        self.newest = self.newest.max(Some(at));
        None
    }

    fn misplaced(&self, found: &Found, line: &Line) -> Option<(Kind, String)> {
        let misplaced = |what: String| Some((Kind::ReceiptMisplaced, what));
        let Some(record) = &found.record else {
            return misplaced("it is not a record".into());
        };
        if record.key() != found.key {
            return misplaced(format!("it is the record `{}`", record.key()));
        }
        let at = record.recorded_at();
        if self.chain.covers(at) != Some(line.sequence) {
            return misplaced(format!("it says {at}, and manifest {} lists it", line.sequence));
        }
        None
    }

    /// Reports what was not found, among the names that `wanted` takes, and whether the ledger is behind at `at`;
    /// without it, at the time of the newest record.
    pub fn finish(&mut self, wanted: impl Fn(&str) -> bool, at: Option<Moment>) {
        self.findings.extend(self.behind(at));
        let lines = &self.chain.lines;
        for (line, seen) in lines.iter().zip(&self.seen).filter(|(l, _)| wanted(&l.name)) {
            if *seen {
                continue;
            }
            if line.present {
                let what = format!("manifest {} lists it, and it is not there", line.sequence);
                self.findings.push(Finding::of(Kind::ReceiptMissing, &line.name, what));
            } else {
                self.counts.announced += 1;
            }
        }
        for pair in lines.windows(2).filter(|p| p[0].name == p[1].name) {
            if pair[0].present && pair[1].present && wanted(&pair[0].name) {
                let what = format!("manifests {} and {} list it", pair[0].sequence, pair[1].sequence);
                self.findings.push(Finding::of(Kind::ListedTwice, &pair[0].name, what));
            }
        }
        self.findings.sort_unstable();
    }

    fn behind(&self, at: Option<Moment>) -> Option<Finding> {
        if self.chain.to().is_some() {
            return self.chain.behind(at.or(self.newest)?);
        }
        let oldest = self.oldest?;
        let what = format!("there is no verified manifest, and records since {oldest}");
        let finding = Finding::of(Kind::LedgerBehind, "ledger/", what);
        at.is_none_or(|at| oldest.plus_millis(BEHIND_MS) < at).then_some(finding)
    }
}

/// The line that bears these bytes out. Once a record was there, it is the only one; an announcement bears out bytes
/// that came later.
fn line_of<'a>(lines: &'a [Line], sha256: &str) -> Option<&'a Line> {
    let there = lines.iter().any(|l| l.present);
    let mut lines = lines.iter();
    lines.find(|l| l.sha256 == sha256 && l.present == there)
}

fn changed(lines: &[Line]) -> String {
    let line = lines.iter().find(|l| l.present).or(lines.first());
    let sequence = line.map_or(0, |l| l.sequence);
    format!("its bytes are not those that manifest {sequence} lists")
}
