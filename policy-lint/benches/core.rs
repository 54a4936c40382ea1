//! The cores of the linter on one core, each as a ratio to plain work on the same input in the same run.
//!
//! `cargo bench -p policy-lint [-- FOLDER]`: the policies are those of the folder, or made from the catalogue. The last
//! table names the rules that take longest.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a bench reports")]

use std::collections::HashMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use iam_policy::catalogue::{Action, Service};
use iam_policy::pattern;
use policy_lint::engine;
use policy_lint::policy_file::{self, Outcome};
use policy_lint::project::Project;
use policy_lint::rule::{Check, Reporter};
use policy_lint::rules;
use policy_lint::terraform;
use source_text::json;
use source_text::{SourceFile, Span};

/// Rounds of which the best counts.
const ROUNDS: usize = 7;

fn main() {
    let folder = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let files = folder.map_or_else(made, |folder| read(Path::new(&folder)));
    let bytes: usize = files.iter().map(|f| f.text.len()).sum();
    println!("{} policies, {:.1} MB; best of {ROUNDS} rounds\n", files.len(), bytes as f64 / 1e6);
    documents(&files);
    terraform(&files);
    names();
    slowest(&files);
}

/// Seconds of the best round.
fn best<T>(mut work: impl FnMut() -> T) -> f64 {
    let round = |_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(round).fold(f64::MAX, f64::min)
}

fn row(name: &str, seconds: f64, plain: f64, what: &str) {
    println!("{name:32} {:9.2} ms {:7.2}x {what}", seconds * 1e3, seconds / plain);
}

fn documents(files: &[Arc<SourceFile>]) {
    let parse = |f: &Arc<SourceFile>| serde_json::from_str::<serde_json::Value>(&f.text).is_ok();
    let plain = best(|| files.iter().filter(|f| parse(f)).count());
    row("serde_json::Value", plain, plain, "");
    let location = |start: usize, end: usize| Span::new(0, start, end);
    let parsed = best(|| files.iter().filter(|f| json::parse(&f.text, &location).is_ok()).count());
    row("JSON with locations", parsed, plain, "serde_json::Value");
    let model = best(|| files.iter().map(project).map(|p| p.policies.len()).sum::<usize>());
    row("JSON to policies", model, plain, "serde_json::Value");
    let all = best(|| files.iter().map(|f| engine::run(&project(f)).findings.len()).sum::<usize>());
    row("JSON to findings", all, plain, "serde_json::Value");
}

fn project(file: &Arc<SourceFile>) -> Project {
    match policy_file::read(file.clone(), None, true) {
        Outcome::Read(project) => *project,
        Outcome::Other => Project::default(),
    }
}

fn terraform(files: &[Arc<SourceFile>]) {
    let work = tempfile::tempdir().unwrap();
    for (number, file) in files.iter().enumerate() {
        let text = format!(
            "resource \"aws_iam_policy\" \"p{number}\" {{\n  policy = jsonencode(\n{}\n)\n}}\n",
            file.text.replace("${", "$${")
        );
        std::fs::write(work.path().join(format!("p{number}.tf")), text).unwrap();
    }
    let folder = [work.path().to_path_buf()];
    let texts = || std::fs::read_dir(work.path()).unwrap().map(|e| std::fs::read_to_string(e.unwrap().path()).unwrap());
    let plain = best(|| texts().filter(|t| hcl_edit::parser::parse_body(t).is_ok()).count());
    row("hcl_edit, the same as HCL", plain, plain, "");
    let read = || terraform::read(&folder, &[]).projects.iter().map(|p| p.policies.len()).sum::<usize>();
    row("HCL to policies", best(read), plain, "hcl_edit");
}

fn names() {
    let names: Vec<String> = Service::all().flat_map(Service::actions).map(Action::full_name).collect();
    let table: HashMap<&str, usize> = names.iter().enumerate().map(|(i, n)| (n.as_str(), i)).collect();
    let plain = best(|| names.iter().filter(|n| table.contains_key(n.as_str())).count());
    row(&format!("HashMap, {} actions", names.len()), plain, plain, "");
    row("catalogue look-up", best(|| names.iter().filter_map(|n| Action::find(n)).count()), plain, "HashMap");
    let pairs = || names.iter().zip(names.iter().cycle().skip(1));
    let plain = best(|| pairs().filter(|(a, b)| a == b).count());
    row("equal names", plain, plain, "");
    let patterns: Vec<String> = names.iter().map(|n| format!("{}*", &n[..n.len() * 2 / 3])).collect();
    let covered = best(|| patterns.iter().zip(&names).filter(|(p, n)| pattern::covers(p, n)).count());
    row("pattern covers name", covered, plain, "equal names");
}

fn slowest(files: &[Arc<SourceFile>]) {
    let projects: Vec<Project> = files.iter().map(project).collect();
    let mut rows: Vec<(f64, &str)> =
        rules::ALL.iter().map(|rule| (best(|| check_case(rule, &projects)), rule.name)).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let all: f64 = rows.iter().map(|r| r.0).sum();
    println!("\n{:32} {:9.2} ms, of it", "all rules one by one", all * 1e3);
    rows.iter().take(12).for_each(|(seconds, name)| row(name, *seconds, all, "all"));
}

fn check_case(rule: &'static policy_lint::rule::Rule, projects: &[Project]) -> usize {
    let mut findings = Vec::new();
    for project in projects {
        match rule.check {
            Check::Policy(check) => {
                project.policies.iter().for_each(|p| check(p, &mut Reporter::new(rule, Some(p), &mut findings)));
            }
            Check::Project(check) => check(project, &mut Reporter::new(rule, None, &mut findings)),
            Check::Engine => {}
        }
    }
    findings.len()
}

/// Policies of a folder.
fn read(folder: &Path) -> Vec<Arc<SourceFile>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths.iter().filter_map(|p| source_text::read(p).ok()).collect()
}

/// One policy per service: its first actions, one by one and as patterns, on what they work on.
fn made() -> Vec<Arc<SourceFile>> {
    let policy = |service: Service| {
        let actions: Vec<Action> = service.actions().take(60).collect();
        let statement = |chunk: &[Action]| {
            let arns = chunk.iter().flat_map(|a| a.resources()).map(|r| r.pattern());
            let resources: Vec<&str> = arns.take(4).collect();
            let names: Vec<String> = chunk.iter().map(|a| a.full_name()).collect();
            serde_json::json!({ "Effect": "Allow", "Action": names, "Resource": resources,
                "Condition": { "StringEquals": { "aws:ResourceTag/team": "music" } } })
        };
        let statements: Vec<_> = actions.chunks(12).map(statement).collect();
        let text = serde_json::json!({ "Version": "2012-10-17", "Statement": statements });
        Arc::new(SourceFile::new(format!("{}.json", service.prefix()), serde_json::to_string_pretty(&text).unwrap()))
    };
    Service::all().map(policy).collect()
}
