//! `verify`: records against the signed ledger, and versions against their receipts.
//!
//! What is compared is pure ([`chain`], [`evidence`], [`versions`]); where it comes from is a folder ([`offline`]) or
//! the buckets ([`online`], [`bucket`]). What cannot be read is listed, and the rest is compared.

mod bucket;
mod chain;
mod evidence;
mod files;
mod finding;
mod key;
mod moved;
mod offline;
mod online;
mod outcome;
mod resume;
#[cfg(test)]
mod tamper;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tree;
mod versions;

use std::path::{Path, PathBuf};

use anyhow::bail;
use sluice_types::Timestamp as Moment;

use crate::cli::Shared;
use crate::report::{Ended, Report};
use crate::time::{When, now};
use crate::verify::chain::{Chain, Pin};
use crate::verify::evidence::Evidence;
use crate::verify::key::PublicKeys;
use crate::verify::outcome::Outcome;

/// Verifies that what arrived is what is there: versions, receipts, manifests and signatures
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice verify
  sluice verify incoming/2026/ --public-key ledger.pem --pin 812:6f1c...
  sluice verify --offline evidence/ --public-key ledger.pem
  sluice verify --file delivery.csv

A public key and a pin that were written down elsewhere make the answer independent of the account.
Exit code: 0 everything is as recorded, 1 something is not, or something could not be looked at, 2 nothing could be verified.")]
pub struct Verify {
    /// What to verify: s3://BUCKET/PREFIX, or the beginning of keys in the data bucket; default: all that is watched
    #[arg(value_name = "WHAT", conflicts_with_all = ["offline", "files"])]
    targets: Vec<String>,
    /// Verify the evidence in DIR alone, as `aws s3 sync` of the receipts bucket makes it; asks nobody
    #[arg(long, value_name = "DIR", requires = "public_key")]
    offline: Option<PathBuf>,
    /// Is this file one that arrived? Looks for its SHA-256 among the receipts, and for the version in S3
    #[arg(long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// The public key as a PEM file; without it, KMS is asked
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// A manifest that was written down must still be there
    #[arg(long = "pin", value_name = "SEQUENCE:DIGEST")]
    pins: Vec<Pin>,
    /// Do not read the versions: compare size and ETag only
    #[arg(long)]
    fast: bool,
    /// Note in FILE what was found right, and go on there after an interruption
    #[arg(long, value_name = "FILE", conflicts_with_all = ["offline", "fast"])]
    resume: Option<PathBuf>,
    /// The ledger must reach this time: 2026-11-23T08:00:00Z, 2026-11-23 (UTC), or an age; default: now, and offline the newest receipt
    #[arg(long, value_name = "WHEN")]
    at: Option<When>,
    /// Versions younger than this many seconds may still be without a receipt
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    grace: i64,
    /// A version recorded without its hash is wrong too
    #[arg(long)]
    strict: bool,
    /// A version that is no longer there is not wrong: a lifecycle rule takes them away
    #[arg(long)]
    removed_ok: bool,
    /// A receipt that says that a version was gone before it was read is not wrong where no trail covers its time
    #[arg(long, conflicts_with = "offline")]
    unproven_ok: bool,
    /// How many versions to read at once
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
}

impl Verify {
    fn at(&self) -> Option<Moment> {
        let seconds = self.at?.seconds(now());
        u64::try_from(seconds).ok().map(|s| Moment::from_millis(s * 1000))
    }
}

/// Runs the command.
///
/// # Errors
/// When there is nothing to verify, or nothing can be read.
pub async fn run(shared: &Shared, args: &Verify, report: &mut Report) -> anyhow::Result<Ended> {
    let keys = args.public_key.as_deref().map(PublicKeys::read).transpose()?;
    match (&args.offline, keys) {
        (Some(folder), Some(keys)) => folder_alone(folder, &keys, args, report),
        (Some(_), None) => bail!("name the public key with --public-key"),
        (None, keys) => bucket::run(shared, args, keys, report).await,
    }
}

fn folder_alone(folder: &Path, keys: &PublicKeys, args: &Verify, report: &mut Report) -> anyhow::Result<Ended> {
    let files = files::digests(&args.files)?;
    let (manifests, unread) = offline::manifests(folder)?;
    let chain = Chain::read(manifests, keys, &args.pins);
    let mut outcome = Outcome::new(&chain, keys, false);
    outcome.unread_all(unread, report);
    let mut evidence = Evidence::new(&chain, !files.is_empty());
    let mut unread = Vec::new();
    let unlisted = offline::records(folder, |key, found| match found {
        Ok(found) => evidence.add(found, Moment::now()),
        Err(reason) => {
            evidence.unread(key.clone());
            unread.push((key, reason));
        }
    });
    let whole = unlisted.is_empty();
    unread.extend(unlisted);
    let counts = evidence.counts;
    if chain.manifests == 0 && counts.receipts + counts.operator_records == 0 && unread.is_empty() {
        bail!("`{}` has no evidence: neither a manifest nor a record", folder.display());
    }
    outcome.unread_all(unread, report);
    // Where a folder could not be listed to its end, nothing is missing from it.
    evidence.finish(|_| whole, args.at());
    outcome.tell(&chain.findings, report);
    outcome.evidence(&evidence, report);
    outcome.files(&files, &evidence, None, report);
    Ok(outcome.end(report))
}
