//! Verifies the evidence in a folder, without any calls.

use std::path::Path;

use anyhow::bail;
use sluice_types::Timestamp;

use super::args::VerifyArgs;
use super::chain::Chain;
use super::delivered_files;
use super::evidence::Evidence;
use super::folder_evidence;
use super::public_keys::PublicKeys;
use super::summary::Summary;
use crate::report::{ExitStatus, Report};

pub(super) fn run(
    folder: &Path,
    public_keys: &PublicKeys,
    args: &VerifyArgs,
    report: &mut Report,
) -> anyhow::Result<ExitStatus> {
    let files = delivered_files::read_digests(&args.files)?;
    let (manifests, unread_manifests) = folder_evidence::read_manifests(folder)?;
    let chain = Chain::verify(manifests, public_keys, &args.pins);
    let mut summary = Summary::new(&chain, public_keys, false);
    summary.print_all_unread(unread_manifests, report);
    let mut evidence = Evidence::new(&chain, !files.is_empty());
    let mut unread = Vec::new();
    let unlisted = folder_evidence::read_records(folder, |key, record| match record {
        Ok(record) => evidence.add(record, Timestamp::now()),
        Err(reason) => {
            evidence.add_unread(key.clone());
            unread.push((key, reason));
        }
    });
    let is_listed_completely = unlisted.is_empty();
    unread.extend(unlisted);
    let counts = evidence.counts;
    if chain.manifests == 0 && counts.receipts + counts.operator_records == 0 && unread.is_empty() {
        bail!("`{}` has no evidence: it has neither a manifest nor a record", folder.display());
    }
    summary.print_all_unread(unread, report);
    // If a folder could not be listed completely, no record counts as missing.
    evidence.finish(|_| is_listed_completely, args.required_ledger_time());
    summary.print_findings(&chain.findings, report);
    summary.print_evidence(&evidence, report);
    summary.print_files(&files, &evidence, None, report);
    Ok(summary.finish(report))
}
