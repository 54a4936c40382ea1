//! `quarantine release`: copies a refused version back to the processing bucket, where it is validated again.

use anyhow::bail;
use lambda_support::log::escape;
use serde_json::json;

use super::lookup::{
    InspectedVersion, Quarantine, ReasonState, VersionSelector, ambiguous_key_message, does_not_exist_message,
};
use super::release_effects::{ReleaseEffects, digest_of, released_from};
use super::release_protocol::{
    Candidate, ReleaseProtocol, ReleaseRefusal, Released, Step, StepResult, find_interrupted,
};
use crate::operator_log::OperatorLog;
use crate::report::{ExitStatus, Report};

/// Puts a refused key back into the processing bucket, to be validated again
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice quarantine release 4evr.json

Use it after the schema or the table was fixed. The version is copied back as a new version, the copy is verified, and
only then is it deleted from quarantine. If interrupted, run it again.
Exit code: 0 released, 1 not in quarantine or not released, 2 usage or environment error.")]
pub(super) struct ReleaseArgs {
    #[command(flatten)]
    selector: VersionSelector,
    /// Release it even if another object is current under the key; that object stays as an older version
    #[arg(long)]
    over_newer: bool,
    /// The reason, for the operator record
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

pub(super) async fn run(
    quarantine: &Quarantine,
    args: &ReleaseArgs,
    log: &OperatorLog,
    report: &Report,
) -> anyhow::Result<ExitStatus> {
    let (key, bucket) = (&args.selector.key, quarantine.bucket());
    let found = quarantine.find(&args.selector).await?;
    let selected: Vec<&InspectedVersion> = match found.as_slice() {
        [] => {
            let json = json!({"key": key, "bucket": bucket, "result": "absent"});
            report.line(does_not_exist_message(key, bucket), &json);
            return Ok(ExitStatus::Failure);
        }
        [one] => vec![one],
        _ => {
            let candidates = candidates(quarantine, &found).await?;
            find_interrupted(&candidates).into_iter().filter_map(|index| found.get(index)).collect()
        }
    };
    if selected.is_empty() {
        let version_ids = found.iter().map(InspectedVersion::version_id);
        bail!("{}", ambiguous_key_message(key, version_ids, "--version ID"));
    }
    let mut all_released = true;
    for inspected in selected {
        all_released &= release(quarantine, args, log, inspected, report).await? == ExitStatus::Success;
    }
    Ok(ExitStatus::success_if(all_released))
}

/// Collects what identifies a version whose release was interrupted.
async fn candidates(quarantine: &Quarantine, found: &[InspectedVersion]) -> anyhow::Result<Vec<Candidate>> {
    let mut candidates = Vec::new();
    for inspected in found {
        let copy_key = &inspected.objects.copy_key;
        let head = quarantine.store.head_output(quarantine.bucket(), copy_key, None).await?;
        candidates.push(Candidate {
            version_id: inspected.version_id().to_owned(),
            released_from: head.as_ref().and_then(released_from).map(str::to_owned),
            digest: match head {
                Some(_) => digest_of(&quarantine.store, quarantine.bucket(), copy_key, None).await?,
                None => None,
            },
        });
    }
    Ok(candidates)
}

async fn release(
    quarantine: &Quarantine,
    args: &ReleaseArgs,
    log: &OperatorLog,
    inspected: &InspectedVersion,
    report: &Report,
) -> anyhow::Result<ExitStatus> {
    let key = &args.selector.key;
    let recorded_sha256 = match &inspected.reason {
        ReasonState::Readable(reason) => reason.source.sha256.clone(),
        ReasonState::Absent => None,
        ReasonState::Unreadable(cause) => {
            let why = format!("its reason record cannot be read, so its copy cannot be verified: {cause}");
            return Ok(print_kept(key, &why, report));
        }
    };
    let effects = ReleaseEffects { quarantine, key, inspected, log };
    let (mut protocol, mut step) = ReleaseProtocol::start(recorded_sha256, args.over_newer);
    loop {
        match step {
            Step::Done(released) => {
                return Ok(print_released(&quarantine.ingest.processing_bucket, key, &released, report));
            }
            Step::Refuse(refusal) => return Ok(print_refusal(key, refusal, report)),
            _ => {
                let result = effects.perform(&step, protocol.sha256()).await?;
                if matches!(result, StepResult::Copied(_) | StepResult::Deleted) {
                    report.mark_changed();
                }
                step = protocol.next(step, result);
            }
        }
    }
}

fn print_released(bucket: &str, key: &str, released: &Released, report: &Report) -> ExitStatus {
    let location = format!("s3://{}/{}", escape(bucket), escape(key));
    let (text, result, version_id) = match released {
        Released::As(version_id) => (
            format!("Released to {location} as version {}; it is validated again", escape(version_id)),
            "released",
            Some(version_id),
        ),
        Released::Before(version_id) => {
            (format!("Released: {location} already has these bytes"), "released-before", version_id.as_ref())
        }
        Released::RefusedAgain(version_id) => (
            format!(
                "Released to {location}, and refused again as version {}: run `sluice quarantine show` for the reason",
                escape(version_id)
            ),
            "refused-again",
            Some(version_id),
        ),
    };
    report.line(text, &json!({"key": key, "bucket": bucket, "result": result, "version_id": version_id}));
    ExitStatus::Success
}

fn print_refusal(key: &str, refusal: ReleaseRefusal, report: &Report) -> ExitStatus {
    let why = match refusal {
        ReleaseRefusal::StillMoving => {
            "the function has not finished moving it: it is still in the processing bucket; run this again in a moment, and if it stays, look for its event with `sluice redrive`"
        }
        ReleaseRefusal::NoCopy => {
            "its copy is not in quarantine any more; `sluice quarantine remove` deletes the reason record"
        }
        ReleaseRefusal::CopyDiffers => {
            "its copy does not have the SHA-256 of its reason record; compare both before you do anything else"
        }
        ReleaseRefusal::NewerObject => {
            "another object is current under this key; --over-newer puts this one on top of it"
        }
        ReleaseRefusal::ArrivedDifferent => {
            "the object that arrived differs from the copy; the copy stays in quarantine, run this again"
        }
        ReleaseRefusal::Vanished => {
            "the object that arrived was deleted and is not in quarantine; the copy stays in quarantine"
        }
    };
    print_kept(key, why, report)
}

fn print_kept(key: &str, why: &str, report: &Report) -> ExitStatus {
    report.line(
        format_args!("Object {} was not released: {why}", escape(key)),
        &json!({"key": key, "result": "kept", "why": why}),
    );
    ExitStatus::Failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{HOSTILE, assert_escaped, assert_printed};

    #[test]
    fn untrusted_text_is_escaped() {
        for how in [Released::As(HOSTILE.into()), Released::Before(None), Released::RefusedAgain(HOSTILE.into())] {
            assert_escaped(1, |report| {
                print_released(HOSTILE, HOSTILE, &how, report);
            });
        }
        assert_escaped(1, |report| {
            print_refusal(HOSTILE, ReleaseRefusal::NewerObject, report);
        });
        assert!(!ambiguous_key_message(HOSTILE, [HOSTILE].into_iter(), "x").contains('\u{1b}'));
    }

    #[test]
    fn text_and_json_of_every_release() {
        assert_printed("quarantine-release", |report| {
            for how in [Released::As("w".into()), Released::Before(None), Released::RefusedAgain("w".into())] {
                print_released("in", "k.json", &how, report);
            }
            for why in [
                ReleaseRefusal::StillMoving,
                ReleaseRefusal::NoCopy,
                ReleaseRefusal::CopyDiffers,
                ReleaseRefusal::NewerObject,
                ReleaseRefusal::ArrivedDifferent,
                ReleaseRefusal::Vanished,
            ] {
                print_refusal("k.json", why, report);
            }
            report.line(ambiguous_key_message("k.json", ["v", "w"].into_iter(), "--version ID"), &json!(null));
            report.line(does_not_exist_message("k.json", "out"), &json!(null));
            report.line(super::super::lookup::exists_message("k.json", "out"), &json!(null));
        });
    }
}
