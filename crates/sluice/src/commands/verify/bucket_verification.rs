//! Verifies what is in the buckets now.

use std::collections::HashSet;

use provenance::watched::{Disposition, classify};
use sluice_types::operator_record::operator_record_key_prefix;
use sluice_types::{ObjectVersion, Receipt, RecordKind, Timestamp};

use super::args::VerifyArgs;
use super::bucket_evidence::{self, BucketEvidence};
use super::chain::Chain;
use super::content_check::ContentCheck;
use super::delivered_files::{self, DeliveredFile, FileVersions};
use super::evidence::Evidence;
use super::public_keys::PublicKeys;
use super::quarantine_copies;
use super::summary::Summary;
use super::versions::{ComparisonPolicy, Corroboration, UnmatchedReceipts, VersionComparison};
use crate::aws::s3::Store;
use crate::aws::session::{Role, session};
use crate::cloudtrail::{CreationQuery, Trail};
use crate::globals::Globals;
use crate::key_selection::KeySelection;
use crate::outputs::{Ingest, Outputs, Provenance, System};
use crate::report::{ExitStatus, Report};
use crate::time::now;

pub(super) async fn run(
    globals: &Globals,
    args: &VerifyArgs,
    public_keys: Option<PublicKeys>,
    report: &mut Report,
) -> anyhow::Result<ExitStatus> {
    let outputs = globals.outputs.read()?;
    let names = outputs.provenance()?;
    let files = delivered_files::read_digests(&args.files)?;
    let selections = KeySelection::parse_all(&args.targets, names)?;
    let config = session(&outputs, System::Provenance, globals.role_or(Role::Auditor)).await?;
    let public_keys = match public_keys {
        Some(public_keys) => public_keys,
        None => bucket_evidence::read_public_key(&config, &names.signing_key).await?,
    };
    let store = Store::new(&config);
    let source = BucketEvidence { store: &store, bucket: &names.receipts_bucket };
    report.progress("reading manifests and records", None);
    // Reading may take hours; versions that arrive meanwhile count as young.
    let started = Timestamp::now();
    let (manifests, unread) = source.manifests().await?;
    let chain = Chain::verify(manifests, &public_keys, &args.pins);
    let mut summary = Summary::new(&chain, &public_keys, args.unproven_ok);
    summary.print_all_unread(unread, report);
    let (evidence, listed_prefixes) =
        read_records(&source, args, &selections, &chain, started, &mut summary, report).await;
    summary.print_findings(&chain.findings, report);
    summary.print_evidence(&evidence, report);
    let verification = BucketVerification {
        store: &store,
        outputs: &outputs,
        names,
        ingest: outputs.ingest().ok(),
        evidence: &evidence,
        listed_prefixes,
        args,
    };
    let policy = ComparisonPolicy {
        young_from: seconds(started).saturating_sub(args.grace),
        strict: args.strict,
        removed_ok: args.removed_ok,
    };
    let comparison = VersionComparison::new(&chain, &evidence, policy);
    if args.files.is_empty() {
        verification.verify_versions(&selections, comparison, &mut summary, report).await?;
    } else {
        verification.verify_files(&files, comparison, &mut summary, report).await?;
    }
    Ok(summary.finish(report))
}

/// Reads the records of the selections. Returns them with the prefixes that were listed completely.
async fn read_records<'a>(
    source: &BucketEvidence<'_>,
    args: &VerifyArgs,
    selections: &[KeySelection],
    chain: &'a Chain,
    started: Timestamp,
    summary: &mut Summary,
    report: &Report,
) -> (Evidence<'a>, Vec<String>) {
    let mut evidence = Evidence::new(chain, true);
    let prefixes: Vec<String> = match args.targets.as_slice() {
        [] => RecordKind::ALL.map(|k| k.prefix().to_owned()).to_vec(),
        _ => {
            let record_prefixes =
                |s: &KeySelection| [s.receipt_prefix(), operator_record_key_prefix(&s.bucket, &s.prefix)];
            selections.iter().flat_map(record_prefixes).collect()
        }
    };
    let mut listed_prefixes = Vec::new();
    for prefix in prefixes {
        let mut unread = Vec::new();
        let take = |key: String, record| {
            report.tick();
            match record {
                Ok(record) => evidence.add(record, Timestamp::now()),
                Err(reason) => {
                    evidence.add_unread(key.clone());
                    unread.push((key, reason));
                }
            }
        };
        match source.records(&prefix, take).await {
            Ok(()) => listed_prefixes.push(prefix),
            Err(error) => unread.push((prefix, format!("{error:#}"))),
        }
        summary.print_all_unread(unread, report);
    }
    let is_listed = |name: &str| listed_prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()));
    evidence.finish(is_listed, args.required_ledger_time().or(Some(started)));
    (evidence, listed_prefixes)
}

/// The versions to compare.
struct Scope<'a> {
    selections: &'a [KeySelection],
    /// If set, only these versions.
    only: Option<&'a HashSet<ObjectVersion>>,
}

impl Scope<'_> {
    fn contains(&self, version: &ObjectVersion) -> bool {
        self.only.is_none_or(|only| only.contains(version))
    }
}

struct BucketVerification<'a> {
    store: &'a Store,
    outputs: &'a Outputs,
    names: &'a Provenance,
    ingest: Option<&'a Ingest>,
    evidence: &'a Evidence<'a>,
    /// Prefixes of records that were listed completely.
    listed_prefixes: Vec<String>,
    args: &'a VerifyArgs,
}

impl<'a> BucketVerification<'a> {
    /// Verifies every version of the selections, and their bytes.
    async fn verify_versions(
        &self,
        selections: &[KeySelection],
        mut comparison: VersionComparison<'a>,
        summary: &mut Summary,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let scope = Scope { selections, only: None };
        self.compare(&scope, &mut comparison, summary, report).await?;
        let found = comparison.counts.versions + self.evidence.counts.receipts;
        if !self.args.targets.is_empty() && found == 0 {
            summary.print_no_match(report);
        }
        summary.print_versions(&comparison, report);
        if self.args.fast {
            return Ok(());
        }
        let check = ContentCheck {
            store: self.store,
            ingest: self.ingest,
            evidence: self.evidence,
            jobs: self.args.jobs,
            resume: self.args.resume.as_deref(),
        };
        check.run(comparison.pending_reads, summary, report).await
    }

    /// Verifies the versions whose receipts have the digest of a file.
    async fn verify_files(
        &self,
        files: &[DeliveredFile],
        mut comparison: VersionComparison<'a>,
        summary: &mut Summary,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let file_versions = FileVersions::new(files, self.evidence);
        let scope = Scope { selections: &file_versions.selections(), only: Some(file_versions.versions()) };
        self.compare(&scope, &mut comparison, summary, report).await?;
        let unmatched = file_versions.unmatched(&comparison);
        summary.print_files(files, self.evidence, Some(&unmatched), report);
        Ok(())
    }

    async fn compare(
        &self,
        scope: &Scope<'_>,
        comparison: &mut VersionComparison<'a>,
        summary: &mut Summary,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        report.progress("listing versions", None);
        let mut listed_selections = Vec::new();
        for selection in scope.selections {
            let receipt_prefix = selection.receipt_prefix();
            // If not every receipt was listed, a version without one may still have it.
            if !self.listed_prefixes.iter().any(|prefix| receipt_prefix.starts_with(prefix)) {
                continue;
            }
            match self.list_versions(selection, scope, comparison, report).await {
                Ok(()) => listed_selections.push(selection),
                Err(error) => {
                    let location = format!("s3://{}/{}", selection.bucket, selection.prefix);
                    summary.print_unread(&location, &format!("{error:#}"), report);
                }
            }
        }
        // If a selection was not listed completely, none of its versions counts as missing.
        let is_in_scope = |receipt: &Receipt| {
            listed_selections.iter().any(|s| s.contains(receipt)) && scope.contains(&receipt.version())
        };
        let (mut missing, mut gone) = (comparison.missing(is_in_scope), comparison.gone(is_in_scope));
        comparison.take_operated(&mut missing, self.evidence, self.ingest);
        comparison.take_operated(&mut gone, self.evidence, self.ingest);
        let corroboration = self.corroborate(&mut missing, &mut gone, summary, report).await?;
        comparison.finish(&missing, &gone, &corroboration);
        Ok(())
    }

    async fn list_versions(
        &self,
        selection: &KeySelection,
        scope: &Scope<'_>,
        comparison: &mut VersionComparison<'a>,
        report: &Report,
    ) -> anyhow::Result<()> {
        let bucket = &selection.bucket;
        let mut pages = self.store.versions(bucket, &selection.prefix);
        while let Some(page) = pages.next().await? {
            for listed in page.iter().filter(|v| !v.is_delete_marker) {
                let key = &listed.version.key;
                let disposition = classify(&self.names.watched, bucket, key, Some(listed.attributes.size));
                if disposition == Disposition::Record && scope.contains(&listed.version) {
                    report.tick();
                    comparison.add(listed);
                }
            }
        }
        Ok(())
    }

    /// Looks for receipts without a version in quarantine and in the trail. Receipts whose copy in quarantine cannot be
    /// read are removed from the lists.
    async fn corroborate(
        &self,
        missing: &mut UnmatchedReceipts<'a>,
        gone: &mut UnmatchedReceipts<'a>,
        summary: &mut Summary,
        report: &Report,
    ) -> anyhow::Result<Corroboration<'a>> {
        let mut corroboration = Corroboration::default();
        if let Some(ingest) = self.ingest {
            let receipts: UnmatchedReceipts<'a> = missing.iter().chain(&*gone).copied().collect();
            let copies = quarantine_copies::find(&receipts, self.store, ingest, self.args.jobs).await?;
            corroboration.moved = copies.moved;
            let unread: HashSet<&str> = copies.unread.iter().map(|(key, _)| *key).collect();
            for receipts in [&mut *missing, &mut *gone] {
                receipts.retain(|(key, _)| !unread.contains(key));
            }
            for (key, reason) in &copies.unread {
                summary.print_unread(key, reason, report);
            }
        }
        let not_moved = missing.iter().chain(&*gone).filter(|(key, _)| !corroboration.moved.contains(key));
        let (keys, queries): (Vec<&str>, Vec<CreationQuery>) =
            not_moved.filter_map(|(key, receipt)| Some((*key, CreationQuery::from_receipt(receipt)?))).unzip();
        if !queries.is_empty() {
            let trail = Trail::new(self.store, self.names, &self.outputs.region);
            let answers = trail.answer(&queries, now()).await;
            summary.print_all_unread(answers.unread, report);
            corroboration.trail = keys.into_iter().zip(answers.statuses).collect();
        }
        Ok(corroboration)
    }
}

fn seconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis() / 1000).unwrap_or(i64::MAX)
}
