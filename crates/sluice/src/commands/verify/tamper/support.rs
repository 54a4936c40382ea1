//! A deployment in memory, and its verification with and without the buckets.

use std::collections::{BTreeMap, BTreeSet};

use sluice_types::digest::sha256;
use sluice_types::{
    ListedVersion, ObjectAttributes, ObjectVersion, OperatorAction, OperatorRecord, Receipt, ReceiptState, Record as _,
    Timestamp,
};

use super::super::chain::{Chain, Pin};
use super::super::evidence_fixture::{EvidenceFixture, HOUR, operation, receipt};
use super::super::finding::Finding;
use super::super::public_keys::PublicKeys;
use super::super::versions::{ComparisonPolicy, ContentStatus, Corroboration, VersionComparison, content_finding};
use crate::cloudtrail::{CreationEvent, CreationQuery, LogSearch};

/// The time of the verification.
pub(in crate::commands::verify) const NOW: u64 = 7 * HOUR;

/// An object version in a bucket.
#[derive(Clone)]
pub(in crate::commands::verify) struct Object {
    pub(in crate::commands::verify) bucket: String,
    pub(in crate::commands::verify) key: String,
    pub(in crate::commands::verify) version_id: String,
    pub(in crate::commands::verify) body: Vec<u8>,
    pub(in crate::commands::verify) etag: String,
}

pub(in crate::commands::verify) struct Deployment {
    pub(in crate::commands::verify) evidence: EvidenceFixture,
    pub(in crate::commands::verify) objects: Vec<Object>,
    /// Copies in quarantine, by the key of the version that was refused.
    pub(in crate::commands::verify) quarantine: BTreeMap<String, Vec<u8>>,
    pub(in crate::commands::verify) creation_events: Vec<CreationEvent>,
    /// The times of the trail's log files, in seconds since 1970.
    pub(in crate::commands::verify) log_times: BTreeSet<i64>,
    pub(in crate::commands::verify) pins: Vec<Pin>,
}

pub(in crate::commands::verify) fn object(receipt: &Receipt) -> Object {
    Object {
        bucket: receipt.bucket.clone(),
        key: receipt.key.clone(),
        version_id: receipt.version_id.clone(),
        body: receipt.key["incoming/".len()..].into(),
        etag: "e".into(),
    }
}

fn creation_event(receipt: &Receipt) -> CreationEvent {
    CreationEvent {
        bucket: receipt.bucket.clone(),
        key: receipt.key.clone(),
        version_id: Some(receipt.version_id.clone()),
        at: Some(i64::try_from(receipt.recorded_at.as_millis() / 1000).unwrap()),
    }
}

impl Deployment {
    /// Six comparison in three hours; in the fourth hour one that was deleted before it was read, one that the ingest moved,
    /// one that was released and one that was removed; an hour without comparison; and one that no manifest lists yet.
    pub(in crate::commands::verify) fn new() -> Self {
        let mut deployment = Self {
            evidence: EvidenceFixture::new(),
            objects: Vec::new(),
            quarantine: BTreeMap::new(),
            creation_events: Vec::new(),
            log_times: (0..8).map(|hour| hour * 3600).collect(),
            pins: Vec::new(),
        };
        for hour in 0..3 {
            for name in ["a", "b"] {
                deployment.arrive(&receipt(&format!("{hour}{name}"), hour * HOUR + 60_000));
            }
            assert!(deployment.evidence.run_ledger((hour + 1) * HOUR + 60_000));
        }
        let at = 3 * HOUR + 60_000;
        let gone = Receipt { state: ReceiptState::Gone, sha256: None, ..receipt("gone", at) };
        deployment.record(&gone);
        deployment.creation_events.push(creation_event(&gone));
        for name in ["moved", "released", "removed"] {
            deployment.record(&receipt(name, at));
            deployment.creation_events.push(creation_event(&receipt(name, at)));
        }
        deployment.quarantine.insert("incoming/moved".into(), "moved".into());
        deployment.operate(&operation(OperatorAction::Release, &receipt("released", at), at + 1));
        deployment.operate(&operation(OperatorAction::Remove, &receipt("removed", at), at + 2));
        deployment.evidence.run_ledger(4 * HOUR + 60_000);
        deployment.evidence.run_ledger(5 * HOUR + 60_000);
        deployment.arrive(&receipt("young", 5 * HOUR + 600_000));
        deployment
    }

    /// A version arrives and is recorded.
    pub(in crate::commands::verify) fn arrive(&mut self, receipt: &Receipt) {
        self.objects.push(object(receipt));
        self.creation_events.push(creation_event(receipt));
        self.record(receipt);
    }

    pub(in crate::commands::verify) fn record(&mut self, receipt: &Receipt) {
        self.evidence.record(&receipt.journal_entry(), receipt.bytes());
    }

    pub(in crate::commands::verify) fn operate(&mut self, record: &OperatorRecord) {
        self.evidence.record(&record.journal_entry(), record.bytes());
    }

    /// Writes the manifest of the current hour.
    pub(in crate::commands::verify) fn write_manifest(&mut self) {
        assert!(self.evidence.run_ledger(6 * HOUR + 60_000));
    }

    pub(in crate::commands::verify) fn object(&mut self, name: &str) -> &mut Object {
        let key = format!("incoming/{name}");
        self.objects.iter_mut().find(|o| o.key == key).unwrap()
    }

    pub(in crate::commands::verify) fn delete(&mut self, name: &str) {
        let key = format!("incoming/{name}");
        self.objects.retain(|o| o.key != key);
    }

    pub(in crate::commands::verify) fn file(&mut self, key: &str) -> &mut Vec<u8> {
        self.evidence.files.get_mut(key).unwrap()
    }

    pub(in crate::commands::verify) fn swap(&mut self, one: &str, other: &str) {
        let bytes = self.evidence.files[one].clone();
        let second = self.evidence.files.insert(other.to_owned(), bytes).unwrap();
        self.evidence.files.insert(one.to_owned(), second);
    }

    /// The kinds and keys of the findings of an offline verification.
    pub(in crate::commands::verify) fn offline(&self, keys: &PublicKeys) -> Vec<(String, String)> {
        let found = self.evidence.verify_with(keys, &self.pins, None);
        found.into_iter().map(|(k, e)| (k.name().to_owned(), e)).collect()
    }

    /// The kinds and keys of the findings of a verification of the buckets.
    pub(in crate::commands::verify) fn online(&self, keys: &PublicKeys) -> Vec<(String, String)> {
        let (findings, unproven) = self.verify_buckets(keys);
        let key = |f: &Finding| match f.evidence.as_str() {
            "" => f.version.as_ref().map(|v| v.key.clone()).unwrap_or_default(),
            evidence => evidence.to_owned(),
        };
        let all = findings.iter().map(|f| (f.kind.name().to_owned(), key(f)));
        let unproven = unproven.iter().map(|(version, _)| ("unproven".to_owned(), version.key.clone()));
        let mut all: Vec<_> = all.chain(unproven).collect();
        all.sort_unstable();
        all
    }

    /// The sorted findings of a verification of the buckets.
    pub(in crate::commands::verify) fn findings(&self, keys: &PublicKeys) -> Vec<Finding> {
        let (mut findings, _) = self.verify_buckets(keys);
        findings.sort_unstable();
        findings
    }

    fn verify_buckets(&self, keys: &PublicKeys) -> (Vec<Finding>, Vec<(ObjectVersion, String)>) {
        let chain = Chain::verify(self.evidence.manifests(), keys, &self.pins);
        let evidence = self.evidence.evidence(&chain, Some(Timestamp::from_millis(NOW)));
        let policy = ComparisonPolicy { young_from: 1000, strict: false, removed_ok: false };
        let mut comparison = VersionComparison::new(&chain, &evidence, policy);
        for object in &self.objects {
            comparison.add(&ListedVersion {
                version: ObjectVersion {
                    bucket: object.bucket.clone(),
                    key: object.key.clone(),
                    version_id: object.version_id.clone(),
                },
                attributes: ObjectAttributes {
                    size: object.body.len() as u64,
                    etag: Some(object.etag.clone()),
                    ..ObjectAttributes::default()
                },
                is_latest: true,
                is_delete_marker: false,
            });
        }
        let (mut missing, mut gone) = (comparison.missing(|_| true), comparison.gone(|_| true));
        comparison.take_operated(&mut missing, &evidence, None);
        comparison.take_operated(&mut gone, &evidence, None);
        let corroboration = self.corroborate(&missing, &gone);
        comparison.finish(&missing, &gone, &corroboration);
        let content_findings = comparison.pending_reads.iter().filter_map(|pending| {
            let is_version =
                |o: &&Object| (&o.key, &o.version_id) == (&pending.version.key, &pending.version.version_id);
            let sha256 = sha256(&self.objects.iter().find(is_version).unwrap().body);
            let status = match sha256 == pending.sha256 {
                true => ContentStatus::Same,
                false => ContentStatus::Different(sha256),
            };
            content_finding(pending, &status)
        });
        let version_findings = comparison.findings.iter().cloned().chain(content_findings);
        let all = chain.findings.iter().chain(&evidence.findings).cloned().chain(version_findings).collect();
        (all, comparison.unproven.clone())
    }

    fn corroborate<'a>(
        &self,
        missing: &[(&'a str, &'a Receipt)],
        gone: &[(&'a str, &'a Receipt)],
    ) -> Corroboration<'a> {
        let mut corroboration = Corroboration::default();
        let mut search = LogSearch { log_times: self.log_times.clone(), ..LogSearch::default() };
        self.creation_events.iter().for_each(|event| search.events.add(event.clone()));
        for (key, receipt) in missing.iter().chain(gone) {
            let copy = self.quarantine.get(&receipt.key).map(|b| sha256(b));
            if copy.is_some() && copy == receipt.sha256 {
                corroboration.moved.insert(*key);
            } else if let Some(query) = CreationQuery::from_receipt(receipt) {
                let now = i64::try_from(NOW / 1000).unwrap();
                corroboration.trail.insert(*key, query.answer(&search, now));
            }
        }
        corroboration
    }
}
