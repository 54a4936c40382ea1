//! `upload`: files become objects of the processing bucket. What is there already with the same bytes is skipped, so
//! that a run that was cut off goes on where it was.

mod plan;

use std::path::PathBuf;

use anyhow::{Context, bail};
use lambda_support::log::escape;
use serde_json::json;
use tokio::task::JoinSet;

use crate::aws::{Role, session};
use crate::cli::Shared;
use crate::files::shown;
use crate::outputs::System;
use crate::report::{Ended, Report, message};
use crate::send::{Sender, Sent};
use plan::{Planned, plan, prefix, problem};

/// Uploads JSON files; a folder's files keep their paths below it as keys
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice upload 4evr.json
  sluice upload albums/ --prefix 2026/11/

Run it again after an interruption: what is there with the same bytes is skipped.
Every file is looked at before the first is sent.
Exit code: 0 all there, 1 some failed or there was none, 2 a path is missing, not JSON by its name, too large, cannot be
read or would take the key of another; then nothing was uploaded.")]
pub struct Upload {
    /// Files (their key is the base name) and folders (their keys are the relative paths of the .json files below)
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Put PREFIX in front of every key, below the deployment's own prefix
    #[arg(long, default_value = "", value_name = "PREFIX")]
    prefix: String,
    /// How many files at once
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
}

/// Runs the command.
///
/// # Errors
/// When nothing can be uploaded at all.
pub async fn run(shared: &Shared, args: &Upload, report: &mut Report) -> anyhow::Result<Ended> {
    let problems: Vec<String> = args.paths.iter().filter_map(|p| problem(p)).collect();
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    let outputs = shared.from.read()?;
    let ingest = outputs.ingest()?;
    let prefix = prefix(&ingest.prefix, &args.prefix);
    let planned = plan(&args.paths, &prefix, ingest.max_object_bytes)?;
    if planned.is_empty() {
        let paths: Vec<String> = args.paths.iter().map(|p| format!("`{}`", shown(p))).collect();
        report.line(
            format_args!("no file below {} has a name that ends in .json: nothing was uploaded", paths.join(", ")),
            &json!({"uploaded": 0, "present": 0, "failed": 0, "interrupted": false, "why": "no .json file"}),
        );
        return Ok(Ended::Not);
    }
    let config = session(&outputs, System::Ingest, shared.role(Role::Uploader)).await?;
    let sender = Sender::new(&config, &ingest.processing_bucket);
    report.progress("uploading", u64::try_from(planned.len()).ok());
    let counts = all(&sender, args.jobs, planned, report).await?;
    report.line(
        format_args!(
            "{} uploaded, {} there already, {} failed{}",
            counts.uploaded,
            counts.present,
            counts.failed,
            if counts.cut { "; interrupted, run it again to go on" } else { "" },
        ),
        &json!({"uploaded": counts.uploaded, "present": counts.present, "failed": counts.failed, "interrupted": counts.cut}),
    );
    Ok(Ended::when(counts.failed == 0 && !counts.cut))
}

#[derive(Default)]
struct Counts {
    uploaded: u64,
    present: u64,
    failed: u64,
    cut: bool,
}

async fn all(sender: &Sender, jobs: u16, planned: Vec<Planned>, report: &Report) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    let mut files = planned.into_iter();
    let mut running = JoinSet::new();
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        while running.len() < usize::from(jobs) && !counts.cut {
            let Some(file) = files.next() else { break };
            let sender = sender.clone();
            running.spawn(async move {
                let sent = sender.send(&file.path, &file.key).await;
                (file, sent)
            });
        }
        let done = tokio::select! {
            done = running.join_next() => done,
            _ = &mut interrupted, if !counts.cut => {
                counts.cut = true;
                sender.stop();
                continue;
            }
        };
        let Some(done) = done else { return Ok(counts) };
        let (file, sent) = done.context("a task of this program failed")?;
        tell(&mut counts, report, sender.bucket(), &file, sent);
    }
}

fn tell(counts: &mut Counts, report: &Report, bucket: &str, file: &Planned, sent: anyhow::Result<Sent>) {
    report.tick();
    let path = shown(&file.path);
    let place = format!("s3://{}/{}", escape(bucket), escape(&file.key));
    let json = |result: &str, version: Option<&str>| json!({"path": file.path.to_string_lossy(), "bucket": bucket, "key": file.key, "result": result, "version_id": version});
    match sent {
        Ok(Sent::New(version)) => {
            counts.uploaded += 1;
            report.mark_changed();
            report.line(format_args!("Successfully uploaded {path} to {place}"), &json("uploaded", version.as_deref()));
        }
        Ok(Sent::Present) => {
            counts.present += 1;
            report.line(format_args!("Already there with the same bytes: {path} as {place}"), &json("present", None));
        }
        Err(error) => failed(counts, report, &format!("{path}: {}", message(&error))),
    }
}

fn failed(counts: &mut Counts, report: &Report, why: &str) {
    counts.failed += 1;
    report.line(why, &json!({"result": "failed", "why": why}));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{HOSTILE, assert_printed, harmless};

    #[test]
    fn what_became_of_a_file_is_harmless() {
        let file = Planned { path: HOSTILE.into(), key: HOSTILE.into() };
        for sent in [Some(Sent::New(Some(HOSTILE.into()))), Some(Sent::Present), None] {
            harmless(1, |report| {
                let sent = sent.clone().context("refused");
                tell(&mut Counts::default(), report, HOSTILE, &file, sent);
            });
        }
    }

    #[test]
    fn text_and_json_of_every_file() {
        let file = Planned { path: "a/b.json".into(), key: "in/b.json".into() };
        assert_printed("upload", |report| {
            for sent in [Some(Sent::New(Some("v".into()))), Some(Sent::Present), None] {
                let sent = sent.context("refused");
                tell(&mut Counts::default(), report, "in", &file, sent);
            }
        });
    }
}
