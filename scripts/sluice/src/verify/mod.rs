//! `verify`: receipts against the signed ledger, and versions against their receipts.
//!
//! What is compared is pure ([`chain`], [`evidence`], [`versions`]); where it comes from is a folder ([`offline`]) or
//! the buckets ([`online`], [`bucket`]).

mod bucket;
mod chain;
mod evidence;
mod finding;
mod key;
mod moved;
mod offline;
mod online;
mod resume;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tree;
mod versions;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use kit::log::escape;
use kit::names::hex;
use kit::time::Moment;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cli::Shared;
use crate::report::{Ended, Report};
use crate::time::{When, now};
use crate::verify::chain::{Chain, Pin};
use crate::verify::evidence::Evidence;
use crate::verify::finding::Finding;
use crate::verify::key::PublicKeys;

/// Verifies that what arrived is what is there: versions, receipts, manifests and signatures
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice verify
  sluice verify incoming/2026/ --public-key ledger.pem --pin 812:6f1c...
  sluice verify --offline evidence/ --public-key ledger.pem
  sluice verify --file delivery.csv

A public key and a pin that were written down elsewhere make the answer independent of the account.
Exit code: 0 everything is as recorded, 1 something is not, 2 it could not be verified.")]
pub struct Verify {
    /// What to verify: s3://BUCKET/PREFIX, or the beginning of keys in the data bucket; default: all that is watched
    #[arg(value_name = "WHAT", conflicts_with_all = ["offline", "files"])]
    targets: Vec<String>,
    /// Verify the evidence in DIR alone, as `aws s3 sync` of the receipts bucket makes it; asks nobody
    #[arg(long, value_name = "DIR", requires = "public_key")]
    offline: Option<PathBuf>,
    /// Is this file one that arrived? Looks for its SHA-256 among the receipts
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
    /// How many versions to read at once
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
}

impl Verify {
    fn at(&self) -> Option<Moment> {
        let seconds = self.at?.seconds(now());
        u64::try_from(seconds).ok().map(|s| Moment(s * 1000))
    }
}

/// Runs the command.
///
/// # Errors
/// When there is nothing to verify, or it cannot be read.
pub async fn run(shared: &Shared, args: &Verify, report: &mut Report) -> anyhow::Result<Ended> {
    let keys = args
        .public_key
        .as_deref()
        .map(PublicKeys::read)
        .transpose()?;
    match (&args.offline, keys) {
        (Some(folder), Some(keys)) => folder_alone(folder, &keys, args, report),
        (Some(_), None) => bail!("name the public key with --public-key"),
        (None, keys) => bucket::run(shared, args, keys, report).await,
    }
}

fn folder_alone(
    folder: &Path,
    keys: &PublicKeys,
    args: &Verify,
    report: &mut Report,
) -> anyhow::Result<Ended> {
    let chain = Chain::read(offline::manifests(folder)?, keys, &args.pins);
    let mut evidence = Evidence::new(&chain, !args.files.is_empty());
    offline::receipts(folder, |found| evidence.add(found, Moment::now()))?;
    if chain.manifests == 0 && evidence.counts.receipts == 0 {
        bail!(
            "`{}` has no evidence: neither a manifest nor a receipt",
            folder.display()
        );
    }
    evidence.finish(|_| true, args.at());
    let mut outcome = Outcome::new(&chain, keys);
    outcome.tell(&chain.findings, report);
    outcome.evidence(&evidence, report);
    outcome.files(&evidence, &args.files, report)?;
    Ok(outcome.end(report))
}

/// What is told at the end.
struct Outcome {
    findings: u64,
    unknown_files: u64,
    head: Option<Pin>,
    text: Vec<String>,
    json: serde_json::Map<String, Value>,
}

impl Outcome {
    fn new(chain: &Chain, keys: &PublicKeys) -> Self {
        let mut outcome = Self {
            findings: 0,
            unknown_files: 0,
            head: chain.head.clone(),
            text: Vec::new(),
            json: serde_json::Map::new(),
        };
        outcome.count("manifests", chain.manifests as u64);
        outcome
            .json
            .insert("public_keys".into(), json!(keys.fingerprints()));
        outcome
    }

    fn count(&mut self, what: &'static str, count: u64) {
        self.json.insert(what.replace(' ', "_"), count.into());
        self.text.push(format!("{count} {what}"));
    }

    /// As [`Outcome::count`], silent to people where there are none.
    fn few(&mut self, what: &'static str, count: u64) {
        self.count(what, count);
        if count == 0 {
            self.text.pop();
        }
    }

    fn tell(&mut self, findings: &[Finding], report: &Report) {
        self.findings += findings.len() as u64;
        for finding in findings {
            report.line(finding.text(), &finding.json());
        }
    }

    fn evidence(&mut self, evidence: &Evidence<'_>, report: &Report) {
        self.tell(&evidence.findings, report);
        let counts = evidence.counts;
        self.count("receipts", counts.receipts);
        self.few("pending", counts.pending);
        self.few("unproven", counts.unproven);
        self.few("announced", counts.announced);
    }

    /// Whether each file is one that arrived.
    fn files(
        &mut self,
        evidence: &Evidence<'_>,
        files: &[PathBuf],
        report: &Report,
    ) -> anyhow::Result<()> {
        for path in files {
            let sha256 = digest(path)?;
            let kept = evidence.kept.values().filter(|k| k.sound);
            let mut same: Vec<_> = kept
                .filter(|k| k.receipt.sha256.as_deref() == Some(sha256.as_str()))
                .collect();
            same.sort_unstable_by_key(|k| (k.receipt.recorded_at, &k.receipt.key));
            let shown = path.display().to_string();
            for kept in &same {
                let of = &kept.receipt;
                let borne = kept
                    .sequence
                    .map_or("no manifest yet".into(), |s| format!("manifest {s}"));
                report.line(
                    format_args!(
                        "{shown} arrived as s3://{}/{} version {}, recorded at {}, listed in {borne}",
                        of.bucket, escape(&of.key), of.version_id, of.recorded_at
                    ),
                    &json!({"file": shown, "sha256": sha256, "arrived": true, "bucket": of.bucket, "key": of.key,
                        "version_id": of.version_id, "recorded_at": of.recorded_at, "manifest": kept.sequence}),
                );
            }
            if same.is_empty() {
                self.unknown_files += 1;
                report.line(
                    format_args!("{shown} is not one that arrived"),
                    &json!({"file": shown, "sha256": sha256, "arrived": false}),
                );
            }
        }
        Ok(())
    }

    fn end(mut self, report: &Report) -> Ended {
        self.count("findings", self.findings);
        let head = self.head.as_ref().map(ToString::to_string);
        self.json.insert("head".into(), json!(head));
        let mut text = self.text.join(", ");
        for key in self.json["public_keys"].as_array().into_iter().flatten() {
            let key = key.as_str().unwrap_or_default();
            text.push_str(&format!("\npublic key  sha256 {key}"));
        }
        text.push_str(&format!(
            "\nhead        {}",
            head.as_deref().unwrap_or("none")
        ));
        report.line(text, &Value::Object(self.json));
        Ended::when(self.findings == 0 && self.unknown_files == 0)
    }
}

fn digest(path: &Path) -> anyhow::Result<String> {
    let failed = || format!("cannot read `{}`", path.display());
    let mut file = std::fs::File::open(path).with_context(failed)?;
    let (mut sum, mut part) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match std::io::Read::read(&mut file, &mut part).with_context(failed)? {
            0 => return Ok(hex(&sum.finalize())),
            read => sum.update(&part[..read]),
        }
    }
}
