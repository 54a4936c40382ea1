//! policy-lint: an offline least-privilege linter for AWS IAM.
//!
//! Source -> parse -> model -> rules -> findings -> report. The library knows no terminal and no clock.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

pub mod allow;
pub mod catalogue;
pub mod engine;
pub mod model;
pub mod parse;
pub mod pattern;
pub mod project;
pub mod report;
pub mod rule;
pub mod rules;
pub mod source;
pub mod value;

use crate::engine::{Exceptions, Report};
use crate::model::Kind;
use crate::parse::raw::{self, Outcome};
use crate::rule::Persona;
use crate::source::{File, Place};

/// What is asked of a run.
#[derive(Debug)]
pub struct Request {
    /// Files and folders; none means standard input was given as `stdin`.
    pub paths: Vec<PathBuf>,
    /// The content of standard input, when it is an input.
    pub stdin: Option<Vec<u8>>,
    /// The kind of raw policies; `None` looks at each.
    pub kind: Option<Kind>,
    /// Who is asking.
    pub persona: Persona,
    /// The file of exceptions; `None` looks for `policy-lint.toml`.
    pub config: Option<PathBuf>,
    /// The day, `YYYY-MM-DD`.
    pub today: String,
}

/// One thing to read.
struct Job {
    path: PathBuf,
    named: bool,
    content: Option<Vec<u8>>,
}

/// Checks everything a request names.
pub fn check(request: &Request) -> Report {
    let mut report = Report::default();
    let jobs = jobs(request, &mut report);
    let one = |job: &Job| run_job(job, request.kind);
    let parts: Vec<(String, Report)> = if jobs.len() < 8 {
        jobs.iter().map(one).collect()
    } else {
        jobs.par_iter().map(one).collect()
    };
    let checked: Vec<String> = parts.iter().map(|(path, _)| path.clone()).collect();
    parts.into_iter().for_each(|(_, part)| report.merge(part));
    if report.files == 0 && report.errors.is_empty() && report.notes.is_empty() {
        report
            .notes
            .push(String::from("no policy was found in what was given"));
    }
    except(request, &checked, &mut report);
    engine::keep(&mut report, request.persona);
    report.sort();
    report
}

fn jobs(request: &Request, report: &mut Report) -> Vec<Job> {
    let mut jobs = Vec::new();
    for path in &request.paths {
        if path.is_dir() {
            let (files, errors) = source::walk(path);
            report.errors.extend(errors.iter().map(ToString::to_string));
            jobs.extend(files.into_iter().map(|path| Job {
                path,
                named: false,
                content: None,
            }));
        } else {
            jobs.push(Job {
                path: path.clone(),
                named: true,
                content: None,
            });
        }
    }
    jobs.sort_by(|a, b| (&a.path, !a.named).cmp(&(&b.path, !b.named)));
    jobs.dedup_by(|next, kept| next.path == kept.path);
    if let Some(content) = &request.stdin {
        jobs.push(Job {
            path: PathBuf::from("<stdin>"),
            named: true,
            content: Some(content.clone()),
        });
    }
    jobs
}

fn run_job(job: &Job, kind: Option<Kind>) -> (String, Report) {
    let name = job.path.display().to_string();
    let file = match &job.content {
        Some(bytes) => source::text(name.clone(), bytes.clone()),
        None => source::read(&job.path),
    };
    let mut report = Report::default();
    match file {
        Ok(file) => report = read(file, kind, job.named),
        Err(source::ReadError::NotText { .. }) if !job.named => {}
        Err(error) => report.errors.push(error.to_string()),
    }
    (name, report)
}

fn read(file: Arc<File>, kind: Option<Kind>, named: bool) -> Report {
    let path = file.path.clone();
    match raw::read(file, kind, named) {
        Outcome::Read(project) => {
            let mut report = engine::run(&project);
            if project.policies.is_empty() && project.broken.is_empty() {
                report
                    .notes
                    .push(format!("`{path}` is a plan or state without any policy"));
            }
            report
        }
        Outcome::Other if named => {
            let reason = format!(
                "`{path}` is neither a policy nor a plan: give a JSON document with `Statement`, or the output of `terraform show -json`"
            );
            Report {
                errors: vec![reason],
                ..Report::default()
            }
        }
        Outcome::Other => Report::default(),
    }
}

fn except(request: &Request, checked: &[String], report: &mut Report) {
    let folders = || {
        let given = request.paths.iter().map(|p| {
            if p.is_dir() {
                p.clone()
            } else {
                p.parent().map(Path::to_path_buf).unwrap_or_default()
            }
        });
        std::iter::once(PathBuf::from(".")).chain(given)
    };
    let Some(path) = request
        .config
        .clone()
        .or_else(|| folders().find_map(|f| allow::find(&f)))
    else {
        return;
    };
    let file = match source::read(&path) {
        Ok(file) => file,
        Err(error) => return report.errors.push(error.to_string()),
    };
    let shown = Arc::new(File {
        path: shown(&path),
        text: file.text.clone(),
    });
    match allow::Allows::parse(&path, &file.text) {
        Ok(allows) => {
            let whole = request.paths.iter().any(|p| p.is_dir());
            let place = Place {
                file: shown,
                start: 0,
                end: 0,
            };
            let exceptions = Exceptions {
                allows: &allows,
                place,
                today: &request.today,
                checked,
                whole,
            };
            engine::except(report, &exceptions);
        }
        Err(error) => report.errors.push(error),
    }
}

/// A path as people would type it from here.
fn shown(path: &Path) -> String {
    let here = allow::absolute(Path::new("."));
    path.strip_prefix(&here)
        .unwrap_or(path)
        .display()
        .to_string()
}
