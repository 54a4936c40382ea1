//! `upload`: files become objects of the processing bucket. What is there already with the same bytes is skipped, so
//! that a run that was cut off goes on where it was.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::json;
use tokio::task::JoinSet;
use walkdir::WalkDir;

use crate::aws::{Role, session};
use crate::cli::Shared;
use crate::outputs::System;
use crate::report::{Ended, Report};
use crate::send::{Sender, Sent};

/// Uploads JSON files; a folder's files keep their paths below it as keys
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice upload 4evr.json
  sluice upload albums/ --prefix 2026/11/

Run it again after an interruption: what is there with the same bytes is skipped.
Exit code: 0 all there, 1 some failed, 2 a path is missing or no JSON file; then nothing was uploaded.")]
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

/// A file and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Planned {
    path: PathBuf,
    key: String,
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
    let config = session(&outputs, System::Ingest, shared.role(Role::Uploader)).await?;
    let ingest = outputs.ingest()?;
    let bucket = ingest.processing_bucket.clone();
    let sender = Sender::new(&config, &bucket);
    let prefix = prefix(&ingest.prefix, &args.prefix);
    let total = count(&args.paths, report);
    report.progress("uploading", total);
    let counts = all(&sender, args, &prefix, report).await?;
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

async fn all(
    sender: &Sender,
    args: &Upload,
    prefix: &str,
    report: &Report,
) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    let mut files = args.paths.iter().flat_map(|p| files(p, prefix));
    let mut running = JoinSet::new();
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        while running.len() < usize::from(args.jobs) && !counts.cut {
            let Some(file) = files.next() else { break };
            match file {
                Ok(file) => {
                    let sender = sender.clone();
                    running.spawn(async move {
                        let sent = sender.send(&file.path, &file.key).await;
                        (file, sent)
                    });
                }
                Err(error) => failed(&mut counts, report, &format!("{error:#}")),
            }
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
        tell(&mut counts, report, sender, &file, sent);
    }
}

fn tell(
    counts: &mut Counts,
    report: &Report,
    sender: &Sender,
    file: &Planned,
    sent: anyhow::Result<Sent>,
) {
    report.tick();
    let path = kit::log::escape(&file.path.to_string_lossy());
    let place = format!("s3://{}/{}", sender.bucket(), kit::log::escape(&file.key));
    let json = |result: &str, version: Option<&str>| json!({"path": file.path.to_string_lossy(), "bucket": sender.bucket(), "key": file.key, "result": result, "version_id": version});
    match sent {
        Ok(Sent::New(version)) => {
            counts.uploaded += 1;
            report.line(
                format_args!("Successfully uploaded {path} to {place}"),
                &json("uploaded", version.as_deref()),
            );
        }
        Ok(Sent::Present) => {
            counts.present += 1;
            report.line(
                format_args!("Already there with the same bytes: {path} as {place}"),
                &json("present", None),
            );
        }
        Err(error) => failed(counts, report, &format!("{path}: {error:#}")),
    }
}

fn failed(counts: &mut Counts, report: &Report, why: &str) {
    counts.failed += 1;
    report.line(why, &json!({"result": "failed", "why": why}));
}

/// What is wrong with a path that was named: in the words of the first upload tool.
fn problem(path: &Path) -> Option<String> {
    let shown = path.display();
    if !path.exists() {
        return Some(format!("File not found: {shown}"));
    }
    let named = path.is_dir() || is_json(path);
    (!named).then(|| format!("Path {shown} does not produce a JSON file."))
}

/// Whether a file is one by its name.
pub fn is_json(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("json"))
}

/// The deployment's prefix and the wanted one below it; both end in a slash or are empty.
fn prefix(deployment: &str, wanted: &str) -> String {
    let wanted = wanted.trim_start_matches('/');
    let slash = if wanted.is_empty() || wanted.ends_with('/') {
        ""
    } else {
        "/"
    };
    let wanted = format!("{wanted}{slash}");
    if wanted.starts_with(deployment) {
        wanted
    } else {
        format!("{deployment}{wanted}")
    }
}

/// The files of one path, in order, with their keys.
fn files(root: &Path, prefix: &str) -> impl Iterator<Item = anyhow::Result<Planned>> {
    let whole = root.is_dir();
    let entries = WalkDir::new(root).follow_links(true).sort_by_file_name();
    entries.into_iter().filter_map(move |entry| {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Some(Err(error.into())),
        };
        if !entry.file_type().is_file() || (whole && !is_json(entry.path())) {
            return None;
        }
        let path = entry.into_path();
        let relative = if whole {
            path.strip_prefix(root).ok()
        } else {
            path.file_name().map(Path::new)
        };
        Some(key(prefix, relative.unwrap_or(&path)).map(|key| Planned { path, key }))
    })
}

fn key(prefix: &str, relative: &Path) -> anyhow::Result<String> {
    let mut parts = Vec::new();
    for part in relative.components() {
        let text = part.as_os_str().to_str();
        let text = text.with_context(|| {
            format!(
                "{}: its name is not UTF-8, which a key has to be",
                relative.display()
            )
        })?;
        parts.push(text);
    }
    let key = format!("{prefix}{}", parts.join("/"));
    if key.len() > 1024 {
        bail!(
            "{}: its key would have {} bytes; S3 takes 1024",
            relative.display(),
            key.len()
        );
    }
    if key.starts_with("_sluice/") {
        bail!(
            "{}: `_sluice/` is the project's own folder; choose another --prefix",
            relative.display()
        );
    }
    Ok(key)
}

/// How many files there are, if somebody watches.
fn count(paths: &[PathBuf], report: &Report) -> Option<u64> {
    if !report.wants_progress() {
        return None;
    }
    let files = paths.iter().flat_map(|p| files(p, ""));
    u64::try_from(files.count()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_made_whole() {
        for (deployment, wanted, expected) in [
            ("", "", ""),
            ("", "a", "a/"),
            ("in/", "", "in/"),
            ("in/", "2026/", "in/2026/"),
            ("in/", "/in/x", "in/x/"),
        ] {
            assert_eq!(prefix(deployment, wanted), expected);
        }
    }

    /// 003.21: a file's key is its base name, a folder's are the relative paths of its JSON files.
    #[test]
    fn keys_follow_paths() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("b/ü")).unwrap();
        for name in ["a.json", "b/ü/c d.JSON", "b/readme.txt"] {
            std::fs::write(at(name), "{}").unwrap();
        }
        let keys =
            |path: &Path| -> Vec<String> { files(path, "in/").map(|f| f.unwrap().key).collect() };
        assert_eq!(keys(folder.path()), ["in/a.json", "in/b/ü/c d.JSON"]);
        assert_eq!(keys(&at("b/ü/c d.JSON")), ["in/c d.JSON"]);
    }

    /// 003.21: the messages of the first tool, its missing `not` put in.
    #[test]
    fn what_cannot_be_uploaded_is_said_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("a.txt");
        std::fs::write(&text, "").unwrap();
        let shown = text.display();
        assert_eq!(
            problem(&text),
            Some(format!("Path {shown} does not produce a JSON file."))
        );
        assert_eq!(
            problem(Path::new("no.json")),
            Some("File not found: no.json".into())
        );
        assert_eq!(problem(folder.path()), None);
    }

    #[test]
    fn keys_that_cannot_be_are_refused() {
        assert!(key("", Path::new(&"x".repeat(1025))).is_err());
        assert!(key("_sluice/", Path::new("x.json")).is_err());
    }
}
