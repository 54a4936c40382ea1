//! A whole run: find the inputs, read them, run the rules, suppress, sort.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use iam_policy::PolicyKind;
use rayon::prelude::*;
use source_text::{Location, ReadError, SourceFile, paths};

use crate::diagnostic::Report;
use crate::discover::{Inputs, JsonInput};
use crate::policy_file::{self, Outcome};
use crate::rule::{Persona, Rule};
use crate::suppress::baseline::{Baseline, BaselineSuppressor};
use crate::suppress::comments::CommentSuppressor;
use crate::suppress::exceptions::{self, ExceptionSuppressor, Exceptions};
use crate::suppress::pipeline::{AbovePersona, Suppressor, apply};
use crate::{engine, plan, rules, terraform};

/// What a run is asked for.
#[derive(Debug)]
pub struct Request {
    /// Files and folders; none if standard input is the only input.
    pub paths: Vec<PathBuf>,
    /// The content of standard input, when it is an input.
    pub stdin: Option<Vec<u8>>,
    /// Files with values of variables, applied after Terraform's own.
    pub var_files: Vec<PathBuf>,
    /// Whether named files that are not policies are skipped instead of reported.
    pub skip_others: bool,
    /// The kind of policy documents; `None` guesses it from each document.
    pub kind: Option<PolicyKind>,
    /// Whose findings are reported.
    pub persona: Persona,
    /// The file of exceptions; `None` looks for `policy-lint.toml`.
    pub config: Option<PathBuf>,
    /// Findings that are known already.
    pub baseline: Option<Baseline>,
    /// The date for exceptions that expire, `YYYY-MM-DD`.
    pub today: String,
}

/// Inputs from which on they are read in parallel.
const MIN_PARALLEL: usize = 8;

/// Checks everything that a request names.
pub fn check(request: &Request) -> Report {
    let inputs = Inputs::find(&request.paths, request.stdin.as_deref(), request.skip_others);
    let mut report = Report::default();
    report.errors.extend(inputs.errors.iter().map(ToString::to_string));
    let config = config(request);
    // An exception is used if it hides a finding, even one that the persona would not see.
    let persona = if config.is_some() { Persona::Auditor } else { request.persona };
    let rules = rules::visible_to(persona);
    let one = |input: &JsonInput| check_document(input, request.kind, &rules, &inputs.folders);
    let parts: Vec<Report> = if inputs.documents.len() < MIN_PARALLEL {
        inputs.documents.iter().map(one).collect()
    } else {
        inputs.documents.par_iter().map(one).collect()
    };
    parts.into_iter().for_each(|part| report.merge(part));
    if !inputs.folders.is_empty() {
        check_terraform(&inputs, request, &mut report);
    }
    if report.is_empty() {
        report.notes.push(String::from("no policy was found in the inputs"));
    }
    suppress(&mut report, config.as_deref(), &inputs, request);
    report
}

fn suppress(report: &mut Report, config: Option<&Path>, inputs: &Inputs, request: &Request) {
    let mut suppressors: Vec<Box<dyn Suppressor>> = Vec::new();
    let (sources, read) = (std::mem::take(&mut report.sources), std::mem::take(&mut report.plan_sources));
    let is_source = |file: &SourceFile| sources.iter().any(|s| s.path == file.path);
    let only_read = read.into_iter().filter(|file| !is_source(file));
    suppressors.extend(sources.iter().filter_map(|file| CommentSuppressor::of_checked(file.clone())).map(boxed));
    suppressors.extend(only_read.filter_map(CommentSuppressor::of_read).map(boxed));
    match config.map(|path| read_exceptions(path, inputs, request)) {
        Some(Ok(exceptions)) => suppressors.push(boxed(exceptions)),
        Some(Err(error)) => report.errors.push(error),
        None => {}
    }
    suppressors.push(boxed(AbovePersona(request.persona)));
    suppressors.iter_mut().for_each(|suppressor| apply(report, suppressor.as_mut()));
    report.sort();
    if let Some(baseline) = &request.baseline {
        let mut suppressor = BaselineSuppressor::new(baseline);
        apply(report, &mut suppressor);
        report.notes.extend(suppressor.note());
    }
}

fn boxed<'a>(suppressor: impl Suppressor + 'a) -> Box<dyn Suppressor + 'a> {
    Box::new(suppressor)
}

/// Bytes of the stack on which Terraform source is evaluated: the evaluator limits depth by count, not by size.
const EVALUATION_STACK_BYTES: usize = 256 << 20;

/// Runs on a stack that is deep enough for Terraform source.
fn on_large_stack(run: impl FnOnce() -> Report + Send) -> Report {
    let ran = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(EVALUATION_STACK_BYTES).spawn_scoped(scope, run);
        thread.ok().and_then(|t| t.join().ok())
    });
    ran.unwrap_or_else(|| {
        let reason = String::from("cannot evaluate the Terraform files: not enough memory for a thread");
        Report { errors: vec![reason], ..Report::default() }
    })
}

fn check_terraform(inputs: &Inputs, request: &Request, report: &mut Report) {
    let run = || {
        let source = terraform::read(&inputs.folders, &request.var_files);
        let mut report = Report::default();
        report.errors.extend(source.errors.iter().map(ToString::to_string));
        let mut documents = BTreeSet::new();
        for project in &source.projects {
            let policies = project.policies.iter().chain(project.disabled.iter().map(|(policy, _)| policy));
            let files = policies.filter_map(|p| project.files.get(p.root.span.file));
            documents.extend(files.map(|f| f.path.clone()));
            report.merge(Report { documents: Vec::new(), ..engine::run(project) });
        }
        report.documents = documents.into_iter().collect();
        report.sources = source.projects.first().map(|p| p.files.terraform()).unwrap_or_default();
        report
    };
    let mut found = on_large_stack(run);
    found.sources.retain(|file| inputs.reports_on(&file.path));
    found.findings.retain(|f| inputs.reports_on(&f.location.file.path));
    found.unresolved.retain(|u| inputs.reports_on(&u.location.file.path));
    drop_repeated(report, &found);
    report.merge(found);
}

/// Drops what was found in documents that Terraform source reads: the source determines what they are.
fn drop_repeated(report: &mut Report, found: &Report) {
    let read: BTreeSet<&str> = found.documents.iter().map(String::as_str).collect();
    report.findings.retain(|f| !read.contains(f.location.file.path.as_str()));
    report.unresolved.retain(|u| !read.contains(u.location.file.path.as_str()));
    let before = report.documents.len();
    report.documents.retain(|d| !read.contains(d.as_str()));
    report.policies = report.policies.saturating_sub(before - report.documents.len());
}

fn check_document(input: &JsonInput, kind: Option<PolicyKind>, rules: &[&'static Rule], checked: &[PathBuf]) -> Report {
    let file = match &input.content {
        Some(bytes) => source_text::text(input.path.display().to_string(), bytes.clone()),
        None => source_text::read(&input.path),
    };
    match file {
        Ok(file) if plan::looks_like(&file.text) => {
            let folders = source_folders(&input.path, checked);
            // Comments in the source of a plan are used by findings that the persona would not see.
            on_large_stack(|| check_json(file, kind, rules::ALL, input.named, &folders))
        }
        Ok(file) => check_json(file, kind, rules, input.named, &[]),
        Err(ReadError::NotText { .. }) if !input.named => Report::default(),
        Err(error) => Report { errors: vec![error.to_string()], ..Report::default() },
    }
}

/// Parent folders of a plan in which its source is looked for.
const MAX_PARENT_FOLDERS: usize = 4;

/// Where the source of a plan may be: next to it, above it, or in another folder that is checked.
fn source_folders(plan: &Path, checked: &[PathBuf]) -> Vec<PathBuf> {
    let above = plan.ancestors().skip(1).take(MAX_PARENT_FOLDERS).map(Path::to_path_buf);
    above.chain(checked.iter().cloned()).collect()
}

fn check_json(
    file: Arc<SourceFile>,
    kind: Option<PolicyKind>,
    rules: &[&'static Rule],
    named: bool,
    folders: &[PathBuf],
) -> Report {
    let path = file.path.clone();
    match policy_file::read_with_source(file, kind, named, folders) {
        Outcome::Read(project) => {
            let mut report = engine::run_rules(&project, rules);
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

/// The file of exceptions: the one that was named, or the nearest one.
fn config(request: &Request) -> Option<PathBuf> {
    let given = request
        .paths
        .iter()
        .map(|p| if p.is_dir() { p.clone() } else { p.parent().map(Path::to_path_buf).unwrap_or_default() });
    let mut folders = std::iter::once(PathBuf::from(".")).chain(given);
    request.config.clone().or_else(|| folders.find_map(|f| exceptions::find(&f)))
}

fn read_exceptions(path: &Path, inputs: &Inputs, request: &Request) -> Result<ExceptionSuppressor, String> {
    let file = source_text::read(path).map_err(|e| e.to_string())?;
    let exceptions = Exceptions::parse(path, &file.text)?;
    let shown = Arc::new(SourceFile::new(shown(path), file.text.clone()));
    let documents = inputs.documents.iter().map(|d| d.path.display().to_string());
    Ok(ExceptionSuppressor::new(
        exceptions,
        Location { file: shown, start: 0, end: 0 },
        &request.today,
        documents.chain(inputs.terraform_paths()).collect(),
        request.paths.iter().any(|p| p.is_dir()),
    ))
}

/// A path as a user would type it in the working folder.
fn shown(path: &Path) -> String {
    let here = paths::absolute(Path::new("."));
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}
