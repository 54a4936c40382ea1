//! `quarantine release`: back to where it came from, to be judged afresh.

use anyhow::bail;
use lambda_support::log::escape;
use serde_json::json;

use super::release_effects::{Move, released_from, sum};
use super::release_steps::{Candidate, Outcome, Refusal, Released, Run, Step, interrupted};
use super::remove::several;
use super::{Found, Record, Ward, Which, does_not_exist};
use crate::operator_record::OperatorLog;
use crate::report::{Ended, Report};

/// Puts a refused key back, to be judged afresh
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice quarantine release 4evr.json

For after the schema or the table was fixed. It is copied back as a new version, looked at there, and only then
deleted from quarantine; cut off at any time, run it again.
Exit code: 0 released, 1 not there or not released.")]
pub struct Release {
    #[command(flatten)]
    which: Which,
    /// Release it even though something else is current under the key now; that stays as an older version
    #[arg(long)]
    over_newer: bool,
    /// Why, for the operator record
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

pub(super) async fn run(ward: &Ward, args: &Release, log: &OperatorLog, report: &Report) -> anyhow::Result<Ended> {
    let key = &args.which.key;
    let found = ward.find(&args.which).await?;
    let chosen: Vec<&Found> = match found.as_slice() {
        [] => {
            let bucket = ward.bucket();
            report.line(does_not_exist(key, bucket), &json!({"key": key, "bucket": bucket, "result": "absent"}));
            return Ok(Ended::Not);
        }
        [one] => vec![one],
        _ => {
            let candidates = candidates(ward, &found).await?;
            let chosen = interrupted(&candidates).into_iter();
            chosen.filter_map(|place| found.get(place)).collect()
        }
    };
    if chosen.is_empty() {
        let versions = found.iter().map(Found::version_id);
        bail!("{}", several(key, versions, "--version ID"));
    }
    let mut whole = true;
    for one in chosen {
        whole &= release(ward, args, log, one, report).await? == Ended::Done;
    }
    Ok(Ended::when(whole))
}

/// What is known of the versions of one key, for finding out whose release was cut off.
async fn candidates(ward: &Ward, found: &[Found]) -> anyhow::Result<Vec<Candidate>> {
    let mut candidates = Vec::new();
    for one in found {
        let head = ward.store.head_all(ward.bucket(), &one.stem.copy_key, None);
        let head = head.await?;
        candidates.push(Candidate {
            version: one.version_id().to_owned(),
            released_from: head.as_ref().and_then(released_from).map(str::to_owned),
            sum: match head {
                Some(_) => sum(&ward.store, ward.bucket(), &one.stem.copy_key, None).await?,
                None => None,
            },
        });
    }
    Ok(candidates)
}

async fn release(
    ward: &Ward,
    args: &Release,
    log: &OperatorLog,
    found: &Found,
    report: &Report,
) -> anyhow::Result<Ended> {
    let recorded = match &found.record {
        Record::Readable(reason) => reason.source.sha256.clone(),
        Record::Absent => None,
        Record::Unreadable(why) => {
            let text = format!("its reason record cannot be read, so nothing says whether its copy is whole: {why}");
            return Ok(kept(&args.which.key, &text, report));
        }
    };
    let move_ = Move { ward, key: &args.which.key, found, log };
    let (mut run, mut step) = Run::new(recorded, args.over_newer);
    loop {
        match step {
            Step::Done(how) => {
                let bucket = &ward.ingest.processing_bucket;
                return Ok(done(bucket, move_.key, &how, report));
            }
            Step::Refuse(why) => return Ok(refused(move_.key, why, report)),
            _ => {
                let outcome = move_.perform(&step, run.sha256()).await?;
                if matches!(outcome, Outcome::Copied(_) | Outcome::Deleted) {
                    report.mark_changed();
                }
                step = run.next(step, outcome);
            }
        }
    }
}

fn done(bucket: &str, key: &str, how: &Released, report: &Report) -> Ended {
    let place = format!("s3://{}/{}", escape(bucket), escape(key));
    let (text, result, version) = match how {
        Released::As(version) => (
            format!("Released to {place} as version {}; it is judged afresh", escape(version)),
            "released",
            Some(version),
        ),
        Released::Before(version) => {
            (format!("Released: {place} has these bytes already"), "released-before", version.as_ref())
        }
        Released::RefusedAgain(version) => (
            format!(
                "Released to {place}, and refused again as version {}: `sluice quarantine show` says why",
                escape(version)
            ),
            "refused-again",
            Some(version),
        ),
    };
    report.line(text, &json!({"key": key, "bucket": bucket, "result": result, "version_id": version}));
    Ended::Done
}

fn refused(key: &str, why: Refusal, report: &Report) -> Ended {
    let text = match why {
        Refusal::Moving => {
            "the function has not finished moving it: it is still in the processing bucket; run it again in a moment, and look for it with `sluice redrive` if it stays"
        }
        Refusal::NoCopy => {
            "its copy is not in quarantine any more; `sluice quarantine remove` clears the reason record"
        }
        Refusal::CopyDiffers => "its copy is not what its reason record says; look at both before anything else",
        Refusal::Newer => "something else is current under this key now; --over-newer puts this one on top of it",
        Refusal::ArrivedOtherwise => "what arrived is not the copy; the copy stays in quarantine, try again",
        Refusal::Vanished => "what arrived is gone again and not in quarantine; the copy stays in quarantine",
    };
    kept(key, text, report)
}

fn kept(key: &str, why: &str, report: &Report) -> Ended {
    report.line(
        format_args!("Object {} was not released: {why}", escape(key)),
        &json!({"key": key, "result": "kept", "why": why}),
    );
    Ended::Not
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{HOSTILE, assert_printed, harmless};

    #[test]
    fn what_became_of_it_is_harmless() {
        for how in [Released::As(HOSTILE.into()), Released::Before(None), Released::RefusedAgain(HOSTILE.into())] {
            harmless(1, |report| {
                done(HOSTILE, HOSTILE, &how, report);
            });
        }
        harmless(1, |report| {
            refused(HOSTILE, Refusal::Newer, report);
        });
        assert!(!several(HOSTILE, [HOSTILE].into_iter(), "x").contains('\u{1b}'));
    }

    #[test]
    fn text_and_json_of_every_release() {
        assert_printed("quarantine-release", |report| {
            for how in [Released::As("w".into()), Released::Before(None), Released::RefusedAgain("w".into())] {
                done("in", "k.json", &how, report);
            }
            for why in [
                Refusal::Moving,
                Refusal::NoCopy,
                Refusal::CopyDiffers,
                Refusal::Newer,
                Refusal::ArrivedOtherwise,
                Refusal::Vanished,
            ] {
                refused("k.json", why, report);
            }
            report.line(several("k.json", ["v", "w"].into_iter(), "--version ID"), &json!(null));
            report.line(does_not_exist("k.json", "out"), &json!(null));
            report.line(super::super::exists("k.json", "out"), &json!(null));
        });
    }
}
