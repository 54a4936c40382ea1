//! `quarantine release`: back to where it came from, to be judged afresh.

use anyhow::bail;
use aws_sdk_s3::types::{ChecksumAlgorithm, TaggingDirective};
use kit::log::escape;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::release_steps::{Outcome, Refusal, Released, Run, Step, Sum};
use super::remove::several;
use super::{Stem, Ward, Which, does_not_exist, source};
use crate::aws::explain;
use crate::report::{Ended, Report};
use crate::store::{Facts, place};

/// What a copy source keeps unescaped: the unreserved characters and the separator.
const COPY_SOURCE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

/// Puts a refused key back, to be judged afresh
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice quarantine release 4evr.json

For after the schema or the table was mended. It is copied back as a new version, looked at there, and only then
deleted from quarantine; cut off at any time, run it again.
Exit code: 0 released, 1 not there or not released.")]
pub struct Release {
    #[command(flatten)]
    which: Which,
    /// Release it even though something else is current under the key now; that stays as an older version
    #[arg(long)]
    over_newer: bool,
}

pub(super) async fn run(ward: &Ward, args: &Release, report: &Report) -> anyhow::Result<Ended> {
    let key = &args.which.key;
    let found = ward.find(&args.which).await?;
    let [stem] = found.as_slice() else {
        if found.is_empty() {
            let bucket = ward.bucket();
            report.line(
                does_not_exist(key, bucket),
                &json!({"key": key, "bucket": bucket, "result": "absent"}),
            );
            return Ok(Ended::Not);
        }
        bail!(
            "{}",
            several(key, found.iter().map(Stem::version_id), "--version ID")
        );
    };
    let recorded = ward.reason(stem).await?.and_then(|r| r.source.sha256);
    let move_ = Move { ward, key, stem };
    let (mut run, mut step) = Run::new(recorded, args.over_newer);
    loop {
        match step {
            Step::Done(how) => return Ok(done(&move_, &how, report)),
            Step::Refuse(why) => return Ok(refused(&move_, why, report)),
            _ => {
                let outcome = move_.perform(&step).await?;
                step = run.next(step, outcome);
            }
        }
    }
}

fn done(of: &Move<'_>, how: &Released, report: &Report) -> Ended {
    let bucket = &of.ward.ingest.processing_bucket;
    let place = format!("s3://{bucket}/{}", escape(of.key));
    let (text, result, version) = match how {
        Released::As(version) => (
            format!("Released to {place} as version {version}; it is judged afresh"),
            "released",
            Some(version),
        ),
        Released::Before => (
            format!("Released: {place} has these bytes already"),
            "released-before",
            None,
        ),
        Released::RefusedAgain(version) => (
            format!(
                "Released to {place}, and refused again at once as version {version}: see `sluice quarantine show`"
            ),
            "refused-again",
            Some(version),
        ),
    };
    report.line(
        text,
        &json!({"key": of.key, "bucket": bucket, "result": result, "version_id": version}),
    );
    Ended::Done
}

fn refused(of: &Move<'_>, why: Refusal, report: &Report) -> Ended {
    let key = escape(of.key);
    let text = match why {
        Refusal::NoCopy => {
            "its copy is not in quarantine any more; `sluice quarantine remove` clears the reason"
        }
        Refusal::CopyDiffers => {
            "its copy is not what its reason says; look at both before anything else"
        }
        Refusal::Newer => {
            "something else is current under this key now; --over-newer puts this one on top of it"
        }
        Refusal::ArrivedOtherwise => {
            "what arrived is not the copy; the copy stays in quarantine, try again"
        }
        Refusal::Vanished => {
            "what arrived is gone again and not in quarantine; the copy stays in quarantine"
        }
    };
    report.line(
        format_args!("Object {key} was not released: {text}"),
        &json!({"key": of.key, "result": "kept", "why": text}),
    );
    Ended::Not
}

/// The effects of a release: one call or one look each.
struct Move<'a> {
    ward: &'a Ward,
    key: &'a str,
    stem: &'a Stem,
}

impl Move<'_> {
    async fn perform(&self, step: &Step) -> anyhow::Result<Outcome> {
        let (store, quarantine) = (&self.ward.store, self.ward.bucket());
        let processing = &self.ward.ingest.processing_bucket;
        match step {
            Step::InspectCopy => self.sum(quarantine, &self.stem.copy_key, None).await,
            Step::InspectCurrent => self.sum(processing, self.key, None).await,
            Step::InspectPlaced(version) => self.sum(processing, self.key, Some(version)).await,
            Step::Copy => self.copy().await,
            Step::FindRefusal(version) => {
                let key = source("", self.key, version).reason_key();
                let there = store.head(quarantine, &key, None).await?;
                Ok(Outcome::Refused(there.is_some()))
            }
            Step::DeleteReason => {
                store.purge(quarantine, &self.stem.reason_key()).await?;
                Ok(Outcome::Deleted)
            }
            Step::DeleteCopy => {
                store.purge(quarantine, &self.stem.copy_key).await?;
                Ok(Outcome::Deleted)
            }
            Step::Done(_) | Step::Refuse(_) => bail!("the release has ended already"),
        }
    }

    async fn sum(&self, bucket: &str, key: &str, version: Option<&str>) -> anyhow::Result<Outcome> {
        let store = &self.ward.store;
        let Some(facts) = store.head(bucket, key, version).await? else {
            return Ok(Outcome::Sum(None));
        };
        let facts = Facts {
            version_id: version.map(str::to_owned),
            ..facts
        };
        let sha256 = store.sha256(bucket, key, &facts).await?;
        Ok(Outcome::Sum(sha256.map(|sha256| Sum {
            size: facts.size,
            sha256,
        })))
    }

    async fn copy(&self) -> anyhow::Result<Outcome> {
        let from = format!("{}/{}", self.ward.bucket(), self.stem.copy_key);
        let bucket = &self.ward.ingest.processing_bucket;
        let request = self
            .ward
            .store
            .s3
            .copy_object()
            .bucket(bucket)
            .key(self.key);
        let request = request
            .copy_source(utf8_percent_encode(&from, COPY_SOURCE).to_string())
            .tagging_directive(TaggingDirective::Replace)
            .checksum_algorithm(ChecksumAlgorithm::Sha256);
        let copied = request.send().await;
        let copied = copied.map_err(|e| explain(place("copy to", bucket, self.key), &e))?;
        let Some(version) = copied.version_id else {
            bail!(
                "bucket `{bucket}` is not versioned, which this deployment's has to be: apply again"
            );
        };
        Ok(Outcome::Copied(version))
    }
}
