//! Compares the versions in a bucket with their receipts.

use std::collections::{HashMap, HashSet};

use sluice_types::receipt::receipt_key;
use sluice_types::{ListedVersion, ObjectVersion, OperatorRecord, Receipt, ReceiptState, Record as _, Timestamp};

use super::chain::Chain;
use super::evidence::{CheckedReceipt, Evidence};
use super::finding::{Finding, FindingKind};
use crate::aws::s3_listing::modified_seconds;
use crate::cloudtrail::CreationStatus;
use crate::outputs::Ingest;

#[cfg(test)]
mod tests;

/// `versions` is the sum of `recorded`, `young`, `unrecorded`, `deferred`, `unreadable` and `unchecked`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct VersionCounts {
    pub(super) versions: u64,
    /// Versions with a receipt, with or without findings.
    pub(super) recorded: u64,
    /// Versions without a receipt that are younger than the grace period.
    pub(super) young: u64,
    /// Other versions without a receipt.
    pub(super) unrecorded: u64,
    /// Versions recorded without a hash.
    pub(super) deferred: u64,
    /// Versions recorded as unreadable.
    pub(super) unreadable: u64,
    /// Versions whose receipt could not be read, or is listed and missing.
    pub(super) unchecked: u64,
    /// Versions with a receipt that do not exist any more, if that is accepted.
    pub(super) removed: u64,
    /// Versions with a receipt whose bytes are in quarantine.
    pub(super) moved: u64,
    /// Versions with a receipt that an operator released from quarantine or removed from it.
    pub(super) operated: u64,
    /// Versions that were deleted before they were read, confirmed by the trail.
    pub(super) gone: u64,
    /// Versions that were deleted before they were read, at a time that no trail covers.
    pub(super) gone_unproven: u64,
}

/// A version whose bytes are to be compared with its receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PendingRead {
    pub(super) version: ObjectVersion,
    pub(super) receipt_key: String,
    /// SHA-256 of the bytes of its receipt, hexadecimal.
    pub(super) receipt_sha256: String,
    /// The SHA-256 of the version according to its receipt, hexadecimal.
    pub(super) sha256: String,
    /// In bytes.
    pub(super) size: u64,
    pub(super) etag: Option<String>,
}

/// What counts as a finding.
#[derive(Debug, Clone, Copy)]
pub(super) struct ComparisonPolicy {
    /// Versions created after this, in seconds since 1970, may still have no receipt.
    pub(super) young_from: i64,
    /// A version recorded without a hash is a finding.
    pub(super) strict: bool,
    /// A missing version is not a finding, because a lifecycle rule deletes them.
    pub(super) removed_ok: bool,
}

/// Receipts whose versions were not listed, with their keys.
pub(super) type UnmatchedReceipts<'a> = Vec<(&'a str, &'a Receipt)>;

/// What quarantine and trail say about receipts whose versions were not listed.
#[derive(Debug, Default)]
pub(super) struct Corroboration<'a> {
    /// Receipts whose versions are in quarantine.
    pub(super) moved: HashSet<&'a str>,
    /// The creation of the other versions, according to the trail.
    pub(super) trail: HashMap<&'a str, CreationStatus>,
}

/// A comparison of versions with receipts.
pub(super) struct VersionComparison<'a> {
    chain: &'a Chain,
    receipts: &'a HashMap<String, CheckedReceipt>,
    unread: &'a HashSet<String>,
    policy: ComparisonPolicy,
    /// Keys of receipts whose versions were listed.
    matched: HashSet<&'a str>,
    pub(super) pending_reads: Vec<PendingRead>,
    pub(super) counts: VersionCounts,
    pub(super) findings: Vec<Finding>,
    /// Versions that are in quarantine.
    pub(super) moved: Vec<ObjectVersion>,
    /// Versions that operators released or removed, with the operator records.
    pub(super) operated: Vec<(ObjectVersion, &'a OperatorRecord)>,
    /// Versions recorded as unreadable, with the cause.
    pub(super) unreadable: Vec<(ObjectVersion, String)>,
    /// Versions recorded as deleted at a time that no trail covers, with the cause.
    pub(super) unproven: Vec<(ObjectVersion, String)>,
}

impl<'a> VersionComparison<'a> {
    pub(super) fn new(chain: &'a Chain, evidence: &'a Evidence<'_>, policy: ComparisonPolicy) -> Self {
        Self {
            chain,
            receipts: &evidence.receipts,
            unread: &evidence.unread,
            policy,
            matched: HashSet::new(),
            pending_reads: Vec::new(),
            counts: VersionCounts::default(),
            findings: Vec::new(),
            moved: Vec::new(),
            operated: Vec::new(),
            unreadable: Vec::new(),
            unproven: Vec::new(),
        }
    }

    /// Compares one listed version.
    pub(super) fn add(&mut self, listed: &ListedVersion) {
        self.counts.versions += 1;
        let receipt_key = receipt_key(&listed.version);
        if self.unread.contains(&receipt_key) {
            self.counts.unchecked += 1;
            return;
        }
        let Some((receipt_key, checked)) = self.receipts.get_key_value(receipt_key.as_str()) else {
            // A listed receipt that is missing has a finding already.
            let records = &self.chain.records[self.chain.listed_range(&receipt_key)];
            if records.iter().any(|r| r.is_present) {
                self.counts.unchecked += 1;
            } else {
                self.add_without_receipt(listed);
            }
            return;
        };
        self.counts.recorded += 1;
        self.matched.insert(receipt_key);
        // A receipt that is not sound has a finding already, and proves nothing about its version.
        if !checked.is_sound {
            return;
        }
        let receipt = &checked.receipt;
        let finding = |kind, what: String| Finding::new(kind, receipt_key, what).about(receipt.version());
        let (Some(sha256), ReceiptState::Hashed) = (&receipt.sha256, receipt.state) else {
            let what = "its receipt says that it was deleted, but it exists".into();
            return self.findings.push(finding(FindingKind::VersionUnrecorded, what));
        };
        if let Some(what) = difference(receipt, listed) {
            return self.findings.push(finding(FindingKind::VersionChanged, what));
        }
        self.pending_reads.push(PendingRead {
            version: receipt.version(),
            receipt_key: receipt_key.clone(),
            receipt_sha256: checked.sha256.clone(),
            sha256: sha256.clone(),
            size: listed.attributes.size,
            etag: listed.attributes.etag.clone(),
        });
    }

    /// Adds a version without a complete receipt: it is young, recorded without a hash, or not recorded.
    fn add_without_receipt(&mut self, listed: &ListedVersion) {
        let version = &listed.version;
        for state in [ReceiptState::Deferred, ReceiptState::Unreadable] {
            let key = Receipt::new(version, None, state, Timestamp::UNIX_EPOCH).record_key();
            if self.unread.contains(&key) {
                self.counts.unchecked += 1;
                return;
            }
            if let Some((receipt_key, checked)) = self.receipts.get_key_value(&key) {
                return self.add_incomplete(listed, receipt_key, checked);
            }
        }
        if modified_seconds(listed) > self.policy.young_from {
            self.counts.young += 1;
            return;
        }
        self.counts.unrecorded += 1;
        let what = "it has no receipt; `sluice provenance backfill --yes` creates one";
        let finding = Finding::new(FindingKind::VersionUnrecorded, "", what);
        self.findings.push(finding.about(listed.version.clone()));
    }

    /// Adds a version that is recorded without a hash.
    fn add_incomplete(&mut self, listed: &ListedVersion, receipt_key: &'a str, checked: &CheckedReceipt) {
        self.matched.insert(receipt_key);
        let reason = checked.receipt.reason.as_deref().unwrap_or("no reason given");
        let (kind, what) = if checked.receipt.state == ReceiptState::Unreadable {
            self.counts.unreadable += 1;
            let what = format!(
                "S3 refuses its bytes ({reason}); once it is readable, `sluice provenance backfill --yes` completes its receipt"
            );
            self.unreadable.push((listed.version.clone(), reason.to_owned()));
            (FindingKind::Unreadable, what)
        } else {
            self.counts.deferred += 1;
            let what = "it is recorded without a hash; `sluice provenance backfill --yes` completes its receipt";
            (FindingKind::Deferred, what.to_owned())
        };
        if let Some(what) = difference(&checked.receipt, listed).filter(|_| checked.is_sound) {
            let finding = Finding::new(FindingKind::VersionChanged, receipt_key, what);
            return self.findings.push(finding.about(listed.version.clone()));
        }
        if self.policy.strict {
            let finding = Finding::new(kind, receipt_key, what);
            self.findings.push(finding.about(listed.version.clone()));
        }
    }

    /// The receipts of versions that existed when they were recorded and were not listed, if `is_in_scope` is true.
    pub(super) fn missing(&self, is_in_scope: impl Fn(&Receipt) -> bool) -> UnmatchedReceipts<'a> {
        self.unmatched(|checked| match checked.receipt.state {
            ReceiptState::Hashed => is_in_scope(&checked.receipt),
            ReceiptState::Deferred | ReceiptState::Unreadable => {
                !self.is_completed(&checked.receipt) && is_in_scope(&checked.receipt)
            }
            ReceiptState::Gone => false,
        })
    }

    /// The receipts of versions that were deleted before they were recorded, if `is_in_scope` is true.
    pub(super) fn gone(&self, is_in_scope: impl Fn(&Receipt) -> bool) -> UnmatchedReceipts<'a> {
        self.unmatched(|checked| checked.receipt.state == ReceiptState::Gone && is_in_scope(&checked.receipt))
    }

    fn unmatched(&self, is_wanted: impl Fn(&CheckedReceipt) -> bool) -> UnmatchedReceipts<'a> {
        let is_unmatched = |(key, checked): &(&String, &CheckedReceipt)| {
            checked.is_sound && !self.matched.contains(key.as_str()) && is_wanted(checked)
        };
        let mut receipts: Vec<_> =
            self.receipts.iter().filter(is_unmatched).map(|(key, checked)| (key.as_str(), &checked.receipt)).collect();
        receipts.sort_unstable_by_key(|(key, _)| *key);
        receipts
    }

    /// Whether a version that was recorded without a hash has a complete receipt.
    fn is_completed(&self, incomplete: &Receipt) -> bool {
        let receipt_key = receipt_key(&incomplete.version());
        self.receipts.get(&receipt_key).is_some_and(|c| c.receipt.state == ReceiptState::Hashed)
    }

    /// Moves receipts whose versions an operator released or removed from `receipts` to `operated`.
    pub(super) fn take_operated(
        &mut self,
        receipts: &mut UnmatchedReceipts<'a>,
        evidence: &'a Evidence<'_>,
        ingest: Option<&Ingest>,
    ) {
        receipts.retain(|(_, receipt)| {
            let record = evidence.operator_record_of(receipt, ingest);
            self.operated.extend(record.map(|record| (receipt.version(), record)));
            record.is_none()
        });
        self.counts.operated = self.operated.len() as u64;
    }

    /// Adds findings for the versions that are `missing` and for those that were `gone`.
    pub(super) fn finish(
        &mut self,
        missing: &UnmatchedReceipts<'a>,
        gone: &UnmatchedReceipts<'a>,
        corroboration: &Corroboration<'a>,
    ) {
        let moved = missing.iter().chain(gone).filter(|(key, _)| corroboration.moved.contains(key));
        self.moved.extend(moved.map(|(_, receipt)| receipt.version()));
        self.counts.moved = self.moved.len() as u64;
        for (key, receipt) in missing.iter().filter(|(key, _)| !corroboration.moved.contains(key)) {
            self.add_missing(key, receipt, corroboration.trail.get(key));
        }
        for (key, receipt) in gone.iter().filter(|(key, _)| !corroboration.moved.contains(key)) {
            match corroboration.trail.get(key) {
                Some(CreationStatus::Created) => self.counts.gone += 1,
                Some(CreationStatus::NotCreated) => self.add_forged(key, receipt),
                Some(CreationStatus::Uncovered(why)) => self.add_unproven(receipt, why.clone()),
                None => self.add_unproven(receipt, "the receipt does not say when the version was created".into()),
            }
        }
    }

    fn add_missing(&mut self, key: &str, receipt: &Receipt, creation: Option<&CreationStatus>) {
        let trail_text = match creation {
            Some(CreationStatus::NotCreated) => return self.add_forged(key, receipt),
            _ if self.policy.removed_ok => {
                self.counts.removed += 1;
                return;
            }
            Some(CreationStatus::Created) => "; the trail has its creation".to_owned(),
            Some(CreationStatus::Uncovered(why)) => format!("; {why}"),
            None => String::new(),
        };
        let what = format!("it was recorded at {} and does not exist{trail_text}", receipt.recorded_at);
        self.findings.push(Finding::new(FindingKind::VersionMissing, key, what).about(receipt.version()));
    }

    fn add_forged(&mut self, key: &str, receipt: &Receipt) {
        let what = "according to the trail, the version was never created: the receipt is forged, or log files of the trail are missing";
        let finding = Finding::new(FindingKind::ReceiptUnproven, key, what);
        self.findings.push(finding.about(receipt.version()));
    }

    fn add_unproven(&mut self, receipt: &Receipt, why: String) {
        self.counts.gone_unproven += 1;
        self.unproven.push((receipt.version(), why));
    }
}

/// The content of a version, compared with its receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ContentStatus {
    Same,
    /// The SHA-256 of the version, hexadecimal.
    Different(String),
    /// The version was deleted during the verification.
    Gone,
}

/// The finding about a version that was read, if any.
pub(super) fn content_finding(pending: &PendingRead, status: &ContentStatus) -> Option<Finding> {
    let (kind, what) = match status {
        ContentStatus::Same => return None,
        ContentStatus::Different(sha256) => {
            let what = format!("its bytes have SHA-256 {sha256}, its receipt says {}", pending.sha256);
            (FindingKind::VersionChanged, what)
        }
        ContentStatus::Gone => (FindingKind::VersionMissing, "it was deleted during this verification".to_owned()),
    };
    Some(Finding::new(kind, &pending.receipt_key, what).about(pending.version.clone()))
}

/// The difference between the listing and the receipt, if any.
fn difference(receipt: &Receipt, listed: &ListedVersion) -> Option<String> {
    if let Some(size) = receipt.size.filter(|s| *s != listed.attributes.size) {
        return Some(format!("it has {} bytes, its receipt says {size}", listed.attributes.size));
    }
    let (etag, recorded) = (listed.attributes.etag.as_ref()?, receipt.etag.as_ref()?);
    (etag != recorded).then(|| format!("its ETag is {etag}, its receipt says {recorded}"))
}
