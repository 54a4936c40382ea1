//! policy-lint: an offline least-privilege linter for AWS IAM.
//!
//! Source -> parse -> model -> rules -> findings -> report. The library knows no terminal and no clock.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use terraform_eval::is_terraform;

pub mod access;
pub mod allow;
mod aws_provider;
pub mod baseline;
pub mod comment;
mod discover;
pub mod engine;
mod permission;
pub mod plan;
pub mod policy_attributes;
mod policy_document;
pub mod policy_file;
pub mod project;
mod quoted;
pub mod reference_arns;
pub mod report;
pub mod rule;
pub mod rules;
pub mod terraform;

use crate::engine::{Exceptions, Report};
use crate::plan::looks_like as looks_like_plan;
use crate::policy_file::Outcome;
use crate::rule::Persona;
use iam_policy::PolicyKind;
use source_text::{Location, SourceFile};

/// What is asked of a run.
#[derive(Debug)]
pub struct Request {
    /// Files and folders; none means standard input was given as `stdin`.
    pub paths: Vec<PathBuf>,
    /// The content of standard input, when it is an input.
    pub stdin: Option<Vec<u8>>,
    /// Files of values for variables, after Terraform's own.
    pub var_files: Vec<PathBuf>,
    /// Whether files that are named and are no policies are left alone.
    pub skip_others: bool,
    /// The kind of raw policies; `None` looks at each.
    pub kind: Option<PolicyKind>,
    /// Who is asking.
    pub persona: Persona,
    /// The file of exceptions; `None` looks for `policy-lint.toml`.
    pub config: Option<PathBuf>,
    /// The day, `YYYY-MM-DD`.
    pub today: String,
}

/// One JSON document to read.
struct Job {
    path: PathBuf,
    named: bool,
    content: Option<Vec<u8>>,
}

/// What a request comes to.
#[derive(Default)]
struct Plan {
    jobs: Vec<Job>,
    /// Folders with Terraform files.
    folders: Vec<PathBuf>,
    /// Terraform files that were named themselves; only what is in them is reported of their folders.
    only: Vec<PathBuf>,
    /// Folders whose findings are all reported.
    whole: BTreeSet<PathBuf>,
}

/// Checks everything a request names.
pub fn check(request: &Request) -> Report {
    let mut report = Report::default();
    let plan = plan(request, &mut report);
    let config = config(request);
    // An exception is used by what it hides, even from somebody who would not see it.
    let persona = if config.is_some() { Persona::Auditor } else { request.persona };
    let one = |job: &Job| run_job(job, request.kind, persona, &plan.folders);
    let parts: Vec<(String, Report)> =
        if plan.jobs.len() < 8 { plan.jobs.iter().map(one).collect() } else { plan.jobs.par_iter().map(one).collect() };
    let mut checked: Vec<String> = parts.iter().map(|(path, _)| path.clone()).collect();
    parts.into_iter().for_each(|(_, part)| report.merge(part));
    if !plan.folders.is_empty() {
        terraform(&plan, request, &mut checked, &mut report);
    }
    if report.documents.is_empty()
        && report.findings.is_empty()
        && report.unresolved.is_empty()
        && report.errors.is_empty()
        && report.notes.is_empty()
    {
        report.notes.push(String::from("no policy was found in what was given"));
    }
    let (sources, mut beside) = (std::mem::take(&mut report.sources), std::mem::take(&mut report.beside));
    beside.retain(|b| !sources.iter().any(|s| s.path == b.path));
    comment::apply(&mut report, &sources);
    comment::apply_quietly(&mut report, &beside);
    if let Some(config) = config {
        except(&config, request, &checked, &mut report);
    }
    engine::keep(&mut report, request.persona);
    report.sort();
    report
}

fn plan(request: &Request, report: &mut Report) -> Plan {
    let mut plan = Plan::default();
    let mut folders = BTreeSet::new();
    for path in &request.paths {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            let (files, errors) = discover::walk(path);
            report.errors.extend(errors.iter().map(ToString::to_string));
            for file in files {
                let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                if is_terraform(&name).is_some() {
                    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
                    plan.whole.insert(folder.clone());
                    folders.insert(folder);
                } else {
                    plan.jobs.push(Job { path: file, named: false, content: None });
                }
            }
        } else if is_terraform(&name).is_some() && path.exists() && !path.is_file() {
            report.errors.push(source_text::ReadError::NotFile(path.display().to_string()).to_string());
        } else if is_terraform(&name).is_some() && path.exists() {
            folders.insert(path.parent().map(Path::to_path_buf).unwrap_or_default());
            plan.only.push(path.clone());
        } else {
            let named = !request.skip_others || !path.exists();
            plan.jobs.push(Job { path: path.clone(), named, content: None });
        }
    }
    plan.folders = folders.into_iter().collect();
    plan.jobs.sort_by(|a, b| (&a.path, !a.named).cmp(&(&b.path, !b.named)));
    plan.jobs.dedup_by(|next, kept| next.path == kept.path);
    if let Some(content) = &request.stdin {
        plan.jobs.push(Job { path: PathBuf::from("<stdin>"), named: true, content: Some(content.clone()) });
    }
    plan
}

/// Stack for the evaluation of Terraform source, whose depth is bounded by count, not by size.
const EVALUATION_STACK_BYTES: usize = 256 << 20;

/// Runs on a stack that is deep enough for Terraform source.
fn deep(run: impl FnOnce() -> Report + Send) -> Report {
    let ran = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(EVALUATION_STACK_BYTES).spawn_scoped(scope, run);
        thread.ok().and_then(|t| t.join().ok())
    });
    ran.unwrap_or_else(|| {
        let reason = String::from("cannot evaluate the Terraform files: not enough memory for a thread");
        Report { errors: vec![reason], ..Report::default() }
    })
}

fn terraform(plan: &Plan, request: &Request, checked: &mut Vec<String>, report: &mut Report) {
    let run = || {
        let outcome = terraform::read(&plan.folders, &request.var_files);
        let mut report = Report::default();
        report.errors.extend(outcome.errors.iter().map(ToString::to_string));
        let mut documents = BTreeSet::new();
        for project in &outcome.projects {
            let run = engine::run(project);
            let policies = project.policies.iter().chain(project.disabled.iter().map(|(p, _)| p));
            let carrying = policies.filter_map(|p| project.files.get(p.root.span.file));
            documents.extend(carrying.map(|f| f.path.clone()));
            report.merge(Report { documents: Vec::new(), ..run });
        }
        report.documents = documents.into_iter().collect();
        report.sources = outcome.projects.first().map(|p| p.files.terraform()).unwrap_or_default();
        report
    };
    let mut found = deep(run);
    checked.extend(plan.folders.iter().map(|f| f.join("main.tf").display().to_string()));
    checked.extend(plan.only.iter().map(|p| p.display().to_string()));
    let wanted = |path: &str| {
        let path = Path::new(path);
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        plan.only.is_empty() || plan.only.iter().any(|o| o == path) || plan.whole.contains(&folder)
    };
    found.sources.retain(|f| wanted(&f.path));
    found.findings.retain(|f| wanted(&f.location.file.path));
    found.unresolved.retain(|u| wanted(&u.location.file.path));
    drop_repeated(report, &found);
    report.merge(found);
}

/// A document that Terraform source reads was seen as a raw file too; the source knows better what it is.
fn drop_repeated(report: &mut Report, found: &Report) {
    let read: BTreeSet<&str> = found.documents.iter().map(String::as_str).collect();
    report.findings.retain(|f| !read.contains(f.location.file.path.as_str()));
    report.unresolved.retain(|u| !read.contains(u.location.file.path.as_str()));
    let before = report.documents.len();
    report.documents.retain(|d| !read.contains(d.as_str()));
    report.policies = report.policies.saturating_sub(before - report.documents.len());
}

fn run_job(job: &Job, kind: Option<PolicyKind>, persona: Persona, folders: &[PathBuf]) -> (String, Report) {
    let name = job.path.display().to_string();
    let file = match &job.content {
        Some(bytes) => source_text::text(name.clone(), bytes.clone()),
        None => source_text::read(&job.path),
    };
    let mut report = Report::default();
    match file {
        Ok(file) if looks_like_plan(&file.text) => {
            let folders = source_folders(job, folders);
            report = deep(|| read(file, kind, Persona::Auditor, job.named, &folders));
        }
        Ok(file) => report = read(file, kind, persona, job.named, &[]),
        Err(source_text::ReadError::NotText { .. }) if !job.named => {}
        Err(error) => report.errors.push(error.to_string()),
    }
    (name, report)
}

/// How many folders above a plan may be the one that it was made in.
const MAX_PARENT_FOLDERS: usize = 4;

/// Where the source of a plan may be: beside it, above it, or in another folder that is checked.
fn source_folders(job: &Job, checked: &[PathBuf]) -> Vec<PathBuf> {
    let above = job.path.ancestors().skip(1).take(MAX_PARENT_FOLDERS).map(Path::to_path_buf);
    above.chain(checked.iter().cloned()).collect()
}

fn read(file: Arc<SourceFile>, kind: Option<PolicyKind>, persona: Persona, named: bool, folders: &[PathBuf]) -> Report {
    let path = file.path.clone();
    match policy_file::read_beside(file, kind, named, folders) {
        Outcome::Read(project) => {
            let mut report = engine::run_for(&project, persona);
            if project.policies.is_empty() && project.broken.is_empty() {
                report.notes.push(format!("`{path}` is a plan or state without any policy"));
            }
            report
        }
        Outcome::Other if named => {
            let reason = format!(
                "`{path}` is neither a policy nor a plan: give a JSON document with `Statement`, or the output of `terraform show -json`"
            );
            Report { errors: vec![reason], ..Report::default() }
        }
        Outcome::Other => Report::default(),
    }
}

/// The file of exceptions: the one that was named, or the nearest.
fn config(request: &Request) -> Option<PathBuf> {
    let folders = || {
        let given = request
            .paths
            .iter()
            .map(|p| if p.is_dir() { p.clone() } else { p.parent().map(Path::to_path_buf).unwrap_or_default() });
        std::iter::once(PathBuf::from(".")).chain(given)
    };
    request.config.clone().or_else(|| folders().find_map(|f| allow::find(&f)))
}

fn except(path: &Path, request: &Request, checked: &[String], report: &mut Report) {
    let file = match source_text::read(path) {
        Ok(file) => file,
        Err(error) => return report.errors.push(error.to_string()),
    };
    let shown = Arc::new(SourceFile::new(shown(path), file.text.clone()));
    match allow::Allows::parse(path, &file.text) {
        Ok(allows) => {
            let whole = request.paths.iter().any(|p| p.is_dir());
            let location = Location { file: shown, start: 0, end: 0 };
            let exceptions = Exceptions { allows: &allows, location, today: &request.today, checked, whole };
            engine::except(report, &exceptions);
        }
        Err(error) => report.errors.push(error),
    }
}

/// A path as people would type it from here.
fn shown(path: &Path) -> String {
    let here = source_text::paths::absolute(Path::new("."));
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}
