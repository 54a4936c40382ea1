//! The arguments of `verify`.

use std::path::PathBuf;

use sluice_types::Timestamp;

use super::chain::Pin;
use crate::time::{TimeArg, now};

/// Verifies versions, receipts, manifests and signatures
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice verify
  sluice verify incoming/2026/ --public-key ledger.pem --pin 812:6f1c...
  sluice verify --offline evidence/ --public-key ledger.pem
  sluice verify --file delivery.csv

With a public key and a pin that were stored elsewhere, the result does not depend on the account.
Exit code: 0 no findings; 1 findings, or something could not be read; 2 usage or environment error.")]
pub(crate) struct VerifyArgs {
    /// What to verify: s3://BUCKET/PREFIX, or a key prefix in the data bucket [default: everything that is watched]
    #[arg(value_name = "WHAT", conflicts_with_all = ["offline", "files"])]
    pub(super) targets: Vec<String>,
    /// Verify only the evidence in DIR, a copy of the receipts bucket made by `aws s3 sync`; makes no calls
    #[arg(long, value_name = "DIR", requires = "public_key")]
    pub(super) offline: Option<PathBuf>,
    /// Check whether this file arrived: look for a receipt with its SHA-256, and for the version in S3
    #[arg(long = "file", value_name = "PATH")]
    pub(super) files: Vec<PathBuf>,
    /// The public key as a PEM file; without it, it is read from KMS
    #[arg(long, value_name = "FILE")]
    pub(super) public_key: Option<PathBuf>,
    /// Require this manifest, which an earlier verification printed
    #[arg(long = "pin", value_name = "SEQUENCE:DIGEST")]
    pub(super) pins: Vec<Pin>,
    /// Compare only size and ETag of the versions; do not read them
    #[arg(long)]
    pub(super) fast: bool,
    /// Record verified versions in FILE, and skip them when the verification is run again after an interruption
    #[arg(long, value_name = "FILE", conflicts_with_all = ["offline", "fast"])]
    pub(super) resume: Option<PathBuf>,
    /// Require the ledger to reach this time: 2026-11-23T08:00:00Z, 2026-11-23 (UTC), or an age [default: now; offline: the
    /// newest receipt]
    #[arg(long, value_name = "WHEN")]
    pub(super) at: Option<TimeArg>,
    /// Versions younger than this may still have no receipt
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    pub(super) grace: i64,
    /// Report versions that are recorded without a hash
    #[arg(long)]
    pub(super) strict: bool,
    /// Accept missing versions, for buckets with a lifecycle rule that deletes them
    #[arg(long)]
    pub(super) removed_ok: bool,
    /// Accept receipts of versions that were deleted before they were read, if no trail covers their time
    #[arg(long, conflicts_with = "offline")]
    pub(super) unproven_ok: bool,
    /// How many versions to read concurrently
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) jobs: u16,
}

impl VerifyArgs {
    /// The time that the ledger must reach.
    pub(super) fn required_ledger_time(&self) -> Option<Timestamp> {
        let seconds = self.at?.seconds(now());
        u64::try_from(seconds).ok().map(|s| Timestamp::from_millis(s * 1000))
    }
}
