//! Compares records, receipts and operator records, with the ledger.

use std::collections::{HashMap, HashSet};

use ingest::quarantine::{copy_key, reason_key};
use serde::de::DeserializeOwned;
use sluice_types::digest::sha256;
use sluice_types::operator_record::operator_record_key;
use sluice_types::{ObjectVersion, OperatorAction, OperatorRecord, Receipt, Record as _, RecordKind, Timestamp};

use super::chain::{Chain, ListedRecord, MAX_LEDGER_DELAY_MS};
use super::finding::{Finding, FindingKind};
use crate::outputs::Ingest;

/// How far clocks may differ, in milliseconds.
const MAX_SKEW_MS: u64 = 5 * 60 * 1000;

/// A record that was read and hashed, and not compared yet.
pub(super) struct FoundRecord {
    key: String,
    sha256: String,
    /// `None` if it is not a valid record.
    record: Option<RecordContent>,
}

enum RecordContent {
    Receipt(Receipt),
    Operator(OperatorRecord),
}

impl RecordContent {
    fn record_key(&self) -> String {
        match self {
            Self::Receipt(receipt) => receipt.record_key(),
            Self::Operator(record) => record.record_key(),
        }
    }

    fn recorded_at(&self) -> Timestamp {
        match self {
            Self::Receipt(receipt) => receipt.recorded_at,
            Self::Operator(record) => record.recorded_at,
        }
    }

    fn version(&self) -> Option<ObjectVersion> {
        match self {
            Self::Receipt(receipt) => Some(receipt.version()),
            Self::Operator(record) => record.version(),
        }
    }
}

impl FoundRecord {
    pub(super) fn parse(key: String, bytes: &[u8]) -> Self {
        fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
            serde_json::from_slice(bytes).ok()
        }
        let record = match RecordKind::of(&key) {
            Some(RecordKind::Object) => from_json(bytes).map(RecordContent::Receipt),
            Some(RecordKind::Operator) => from_json(bytes).map(RecordContent::Operator),
            None => None,
        };
        Self { sha256: sha256(bytes), record, key }
    }
}

/// A receipt that was compared with the ledger.
#[derive(Debug, Clone)]
pub(super) struct CheckedReceipt {
    pub(super) receipt: Receipt,
    /// SHA-256 of its bytes, hexadecimal.
    pub(super) sha256: String,
    /// The sequence number of the manifest that lists it; `None` while it is pending.
    pub(super) sequence: Option<u64>,
    /// Whether it has no finding.
    pub(super) is_sound: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordCounts {
    pub(super) receipts: u64,
    pub(super) operator_records: u64,
    /// Records that are later than the last manifest.
    pub(super) pending: u64,
    /// Records of a period whose manifest is missing, not sound or could not be read.
    pub(super) unproven: u64,
    /// Journal entries without their record: the writer was interrupted, or another one was first.
    pub(super) announced: u64,
}

/// Records that are compared with the ledger.
pub(super) struct Evidence<'a> {
    chain: &'a Chain,
    /// For each record that the chain lists, whether it exists.
    is_found: Vec<bool>,
    keep_receipts: bool,
    oldest: Option<Timestamp>,
    newest: Option<Timestamp>,
    /// The receipts by key, if they are kept.
    pub(super) receipts: HashMap<String, CheckedReceipt>,
    /// Keys of records that exist and could not be read.
    pub(super) unread: HashSet<String>,
    /// The operator records without findings, by key.
    operator_records: HashMap<String, OperatorRecord>,
    /// The keys of operator records about a version, by the keys of its copy and its reason record in quarantine.
    operator_records_of_copies: HashMap<String, String>,
    pub(super) counts: RecordCounts,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Evidence<'a> {
    /// `keep_receipts` keeps the receipts for comparison with versions or files.
    pub(super) fn new(chain: &'a Chain, keep_receipts: bool) -> Self {
        Self {
            chain,
            is_found: vec![false; chain.records.len()],
            keep_receipts,
            oldest: None,
            newest: None,
            receipts: HashMap::new(),
            unread: HashSet::new(),
            operator_records: HashMap::new(),
            operator_records_of_copies: HashMap::new(),
            counts: RecordCounts::default(),
            findings: Vec::new(),
        }
    }

    /// Adds a record that exists and could not be read. Neither the record nor its version gets a finding.
    pub(super) fn add_unread(&mut self, key: String) {
        self.is_found[self.chain.listed_range(&key)].fill(true);
        self.unread.insert(key);
    }

    /// Compares one record that was read at `now`.
    pub(super) fn add(&mut self, found: FoundRecord, now: Timestamp) {
        match RecordKind::of(&found.key) {
            Some(RecordKind::Operator) => self.counts.operator_records += 1,
            Some(RecordKind::Object) | None => self.counts.receipts += 1,
        }
        let range = self.chain.listed_range(&found.key);
        self.is_found[range.clone()].fill(true);
        let listed = &self.chain.records[range];
        let (problem, sequence) = if listed.is_empty() {
            (self.check_unlisted(&found, now), None)
        } else {
            match find_match(listed, &found.sha256) {
                Some(record) => (self.check_listed(&found, record), Some(record.sequence)),
                None => (Some((FindingKind::ReceiptChanged, changed_text(listed))), None),
            }
        };
        let is_sound = problem.is_none();
        if let Some((kind, what)) = problem {
            let finding = Finding::new(kind, &found.key, what);
            let version = found.record.as_ref().and_then(RecordContent::version);
            self.findings.push(Finding { version, ..finding });
        }
        match found.record {
            Some(RecordContent::Receipt(receipt)) if self.keep_receipts => {
                let checked = CheckedReceipt { receipt, sha256: found.sha256, sequence, is_sound };
                self.receipts.insert(found.key, checked);
            }
            Some(RecordContent::Operator(record)) if is_sound => {
                for version in record.version().iter() {
                    for copy in [copy_key(version), reason_key(version)] {
                        self.operator_records_of_copies.insert(copy, found.key.clone());
                    }
                }
                self.operator_records.insert(found.key, record);
            }
            _ => {}
        }
    }

    /// The operator record about the release or removal of the version of a receipt; for a receipt of the quarantine bucket
    /// of `ingest`, about the version of which it is the copy or the reason record.
    pub(super) fn operator_record_of(&self, receipt: &Receipt, ingest: Option<&Ingest>) -> Option<&OperatorRecord> {
        if let Some(ingest) = ingest.filter(|ingest| ingest.quarantine_bucket == receipt.bucket) {
            let record = self.operator_records.get(self.operator_records_of_copies.get(&receipt.key)?)?;
            let version = record.version().filter(|version| version.bucket == ingest.processing_bucket)?;
            let is_reason = reason_key(&version) == receipt.key;
            return Some(record).filter(|record| is_reason || has_digest_of(record, receipt));
        }
        let version = receipt.version();
        let keys =
            [OperatorAction::Remove, OperatorAction::Release].map(|action| operator_record_key(&version, action));
        keys.iter().filter_map(|key| self.operator_records.get(key)).find(|record| has_digest_of(record, receipt))
    }

    /// Checks a record that no manifest lists.
    fn check_unlisted(&mut self, found: &FoundRecord, now: Timestamp) -> Option<(FindingKind, String)> {
        let unlisted = |what: String| Some((FindingKind::ReceiptUnlisted, what));
        let Some(record) = &found.record else {
            return unlisted("it is not a valid record, and no manifest lists it".into());
        };
        let at = record.recorded_at();
        if let Some(sequence) = self.chain.manifest_at(at) {
            return unlisted(format!("its time is {at}, and manifest {sequence} does not list it"));
        }
        if at > now.plus_millis(MAX_SKEW_MS) {
            return unlisted(format!("its time is {at}, which is in the future"));
        }
        if record.record_key() != found.key {
            let what = format!("its content is that of the record `{}`", record.record_key());
            return Some((FindingKind::ReceiptMisplaced, what));
        }
        if self.chain.end().is_some_and(|end| at <= end) {
            self.counts.unproven += 1;
            return None;
        }
        self.counts.pending += 1;
        self.oldest = Some(self.oldest.map_or(at, |oldest| oldest.min(at)));
        self.newest = self.newest.max(Some(at));
        None
    }

    /// Checks a record that a manifest lists with its digest.
    fn check_listed(&self, found: &FoundRecord, listed: &ListedRecord) -> Option<(FindingKind, String)> {
        let misplaced = |what: String| Some((FindingKind::ReceiptMisplaced, what));
        let Some(record) = &found.record else {
            return misplaced("it is not a valid record".into());
        };
        if record.record_key() != found.key {
            return misplaced(format!("its content is that of the record `{}`", record.record_key()));
        }
        let at = record.recorded_at();
        if self.chain.manifest_at(at) != Some(listed.sequence) {
            return misplaced(format!("its time is {at}, and manifest {} lists it", listed.sequence));
        }
        None
    }

    /// Adds findings for missing records, among the keys for which `is_in_scope` is true, and for a ledger that is behind at
    /// `at`, by default the time of the newest record.
    pub(super) fn finish(&mut self, is_in_scope: impl Fn(&str) -> bool, at: Option<Timestamp>) {
        self.findings.extend(self.behind(at));
        let records = &self.chain.records;
        for (record, is_found) in records.iter().zip(&self.is_found).filter(|(r, _)| is_in_scope(&r.name)) {
            if *is_found {
                continue;
            }
            if record.is_present {
                let what = format!("manifest {} lists it, and it does not exist", record.sequence);
                self.findings.push(Finding::new(FindingKind::ReceiptMissing, &record.name, what));
            } else {
                self.counts.announced += 1;
            }
        }
        for pair in records.windows(2).filter(|p| p[0].name == p[1].name) {
            if pair[0].is_present && pair[1].is_present && is_in_scope(&pair[0].name) {
                let what = format!("manifests {} and {} list it", pair[0].sequence, pair[1].sequence);
                self.findings.push(Finding::new(FindingKind::ListedTwice, &pair[0].name, what));
            }
        }
        self.findings.sort_unstable();
    }

    fn behind(&self, at: Option<Timestamp>) -> Option<Finding> {
        if self.chain.end().is_some() {
            return self.chain.behind(at.or(self.newest)?);
        }
        let oldest = self.oldest?;
        let what = format!("there is no verified manifest, but there are records since {oldest}");
        let finding = Finding::new(FindingKind::LedgerBehind, "ledger/", what);
        at.is_none_or(|at| oldest.plus_millis(MAX_LEDGER_DELAY_MS) < at).then_some(finding)
    }
}

/// The listed record with this digest. If the record existed when a manifest was written, only that one counts; otherwise a
/// journal entry is enough.
fn find_match<'a>(listed: &'a [ListedRecord], sha256: &str) -> Option<&'a ListedRecord> {
    let was_present = listed.iter().any(|r| r.is_present);
    listed.iter().find(|r| r.sha256 == sha256 && r.is_present == was_present)
}

fn changed_text(listed: &[ListedRecord]) -> String {
    let record = listed.iter().find(|r| r.is_present).or(listed.first());
    let sequence = record.map_or(0, |r| r.sequence);
    format!("its bytes differ from those that manifest {sequence} lists")
}

/// Whether a record and a receipt have the same SHA-256, as far as both have one.
fn has_digest_of(record: &OperatorRecord, receipt: &Receipt) -> bool {
    let digests = record.sha256.as_ref().zip(receipt.sha256.as_ref());
    digests.is_none_or(|(recorded, expected)| recorded == expected)
}
