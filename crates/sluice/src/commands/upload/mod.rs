//! `upload`: uploads files to the processing bucket. Files whose bytes are already there are skipped, so that an
//! interrupted run can be continued.

mod object_upload;
mod plan;

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use futures::{StreamExt, stream};
use lambda_support::log::escape;
use serde_json::json;

use crate::aws::session::{Role, session};
use crate::globals::Globals;
use crate::local_files::shown;
use crate::outputs::System;
use crate::report::{ExitStatus, Report, message};
use object_upload::{UploadResult, Uploader};
use plan::{PlannedFile, full_prefix, path_problem, plan};

/// Uploads JSON files; files of a folder keep their relative paths as keys
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice upload 4evr.json
  sluice upload albums/ --prefix 2026/11/

Run it again after an interruption: files whose bytes are already there are skipped.
Every file is checked before the first one is sent.
Exit code: 0 all uploaded or already there; 1 some failed, or there was no file; 2 a path is missing, has no .json name, is
too large, cannot be read or would take the key of another: then nothing was uploaded.")]
pub(crate) struct UploadArgs {
    /// Files (the key is the base name) and folders (the keys are the relative paths of the .json files in them)
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Prepend PREFIX to every key, after the deployment's own prefix
    #[arg(long, default_value = "", value_name = "PREFIX")]
    prefix: String,
    /// How many files to upload concurrently
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
}

pub(crate) async fn run(globals: &Globals, args: &UploadArgs, report: &mut Report) -> anyhow::Result<ExitStatus> {
    let problems: Vec<String> = args.paths.iter().filter_map(|path| path_problem(path)).collect();
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    let outputs = globals.outputs.read()?;
    let ingest = outputs.ingest()?;
    let prefix = full_prefix(&ingest.prefix, &args.prefix);
    let files = plan(&args.paths, &prefix, ingest.max_object_bytes)?;
    if files.is_empty() {
        let paths: Vec<String> = args.paths.iter().map(|p| format!("`{}`", shown(p))).collect();
        report.line(
            format_args!("no file in {} has a name that ends in .json: nothing was uploaded", paths.join(", ")),
            &json!({"uploaded": 0, "present": 0, "failed": 0, "interrupted": false, "why": "no .json file"}),
        );
        return Ok(ExitStatus::Failure);
    }
    let config = session(&outputs, System::Ingest, globals.role_or(Role::Uploader)).await?;
    let uploader = Uploader::new(&config, &ingest.processing_bucket);
    report.progress("uploading", u64::try_from(files.len()).ok());
    let counts = upload_all(&uploader, args.jobs, files, report).await?;
    report.line(
        format_args!(
            "{} uploaded, {} there already, {} failed{}",
            counts.uploaded,
            counts.present,
            counts.failed,
            if counts.interrupted { "; interrupted, run it again to go on" } else { "" },
        ),
        &json!({
            "uploaded": counts.uploaded, "present": counts.present, "failed": counts.failed,
            "interrupted": counts.interrupted,
        }),
    );
    Ok(ExitStatus::success_if(counts.failed == 0 && !counts.interrupted))
}

#[derive(Default)]
struct UploadCounts {
    uploaded: u64,
    present: u64,
    failed: u64,
    interrupted: bool,
}

/// Uploads the files concurrently. Ctrl-C stops new uploads and gives up multipart uploads.
async fn upload_all(
    uploader: &Uploader,
    jobs: u16,
    files: Vec<PlannedFile>,
    report: &Report,
) -> anyhow::Result<UploadCounts> {
    let mut counts = UploadCounts::default();
    // One task for each file, because hashing keeps a processor busy.
    let upload = |file: PlannedFile| {
        let uploader = uploader.clone();
        tokio::spawn(async move {
            let result = uploader.upload(&file.path, &file.key).await;
            (file, result)
        })
    };
    let stop = uploader.stop_flag();
    let pending = stream::iter(files).take_while(|_| std::future::ready(!stop.load(Ordering::Relaxed)));
    let mut uploads = pending.map(upload).buffer_unordered(usize::from(jobs));
    let ctrl_c = tokio::signal::ctrl_c();
    tokio::pin!(ctrl_c);
    loop {
        let finished = tokio::select! {
            finished = uploads.next() => finished,
            _ = &mut ctrl_c, if !counts.interrupted => {
                counts.interrupted = true;
                stop.store(true, Ordering::Relaxed);
                continue;
            }
        };
        let Some(finished) = finished else { return Ok(counts) };
        let (file, result) = finished.context("an internal task failed")?;
        print_result(&mut counts, report, uploader.bucket(), &file, result);
    }
}

fn print_result(
    counts: &mut UploadCounts,
    report: &Report,
    bucket: &str,
    file: &PlannedFile,
    result: anyhow::Result<UploadResult>,
) {
    report.tick();
    let path = shown(&file.path);
    let location = format!("s3://{}/{}", escape(bucket), escape(&file.key));
    let json = |result: &str, version_id: Option<&str>| {
        json!({
            "path": file.path.to_string_lossy(), "bucket": bucket, "key": file.key, "result": result,
            "version_id": version_id,
        })
    };
    match result {
        Ok(UploadResult::NewVersion(version_id)) => {
            counts.uploaded += 1;
            report.mark_changed();
            let json = json("uploaded", version_id.as_deref());
            report.line(format_args!("Successfully uploaded {path} to {location}"), &json);
        }
        Ok(UploadResult::AlreadyPresent) => {
            counts.present += 1;
            let json = json("present", None);
            report.line(format_args!("Already there with the same bytes: {path} as {location}"), &json);
        }
        Err(error) => {
            counts.failed += 1;
            let why = format!("{path}: {}", message(&error));
            report.line(&why, &json!({"result": "failed", "why": why}));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{HOSTILE, assert_escaped, assert_printed};

    #[test]
    fn untrusted_text_is_escaped() {
        let file = PlannedFile { path: HOSTILE.into(), key: HOSTILE.into() };
        for result in [Some(UploadResult::NewVersion(Some(HOSTILE.into()))), Some(UploadResult::AlreadyPresent), None] {
            assert_escaped(1, |report| {
                let result = result.clone().context("refused");
                print_result(&mut UploadCounts::default(), report, HOSTILE, &file, result);
            });
        }
    }

    #[test]
    fn text_and_json_of_every_file() {
        let file = PlannedFile { path: "a/b.json".into(), key: "in/b.json".into() };
        assert_printed("upload", |report| {
            for result in [Some(UploadResult::NewVersion(Some("v".into()))), Some(UploadResult::AlreadyPresent), None] {
                let result = result.context("refused");
                print_result(&mut UploadCounts::default(), report, "in", &file, result);
            }
        });
    }
}
