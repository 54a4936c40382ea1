//! The message and the help of every finding that the examples of the rule pages and the planted defects produce, one
//! snapshot per family of rules. A change of wording shows here and nowhere else.
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use iam_policy::PolicyKind;
use policy_lint::diagnostic::{Diagnostic, Report};
use policy_lint::engine;
use policy_lint::policy_file::{self, Outcome};
use policy_lint::rule::Family;
use policy_lint::{rules, terraform};
use source_text::SourceFile;

const DEFECTS: [&str; 3] =
    [include_str!("defects/grammar.txt"), include_str!("defects/match.txt"), include_str!("defects/access.txt")];

fn check_json(text: &str, kind: PolicyKind) -> Report {
    let file = Arc::new(SourceFile::new("policy.json", text.to_owned()));
    match policy_file::read(file, Some(kind), true) {
        Outcome::Read(project) => engine::run(&project),
        Outcome::Other => panic!("not a policy:\n{text}"),
    }
}

fn check_terraform(text: &str) -> Report {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("main.tf"), text).expect("a file");
    let mut report = Report::default();
    terraform::read(&[folder.path().to_path_buf()], &[]).projects.iter().for_each(|p| report.merge(engine::run(p)));
    report
}

/// The reports of the examples on all rule pages.
fn page_reports() -> Vec<Report> {
    let mut reports = Vec::new();
    for rule in rules::ALL {
        for block in rule.doc.split("\n```").skip(1).step_by(2) {
            let (info, text) = block.split_once('\n').expect("a line with the language");
            let text: String = text.lines().map(|l| l.split(" #! ").next().unwrap_or(l).to_owned() + "\n").collect();
            let mut words = info.split_whitespace();
            let language = words.next();
            let kind = words.next().map_or(PolicyKind::Identity, |k| PolicyKind::from_name(k).expect("a kind"));
            match language {
                Some("json") => reports.push(check_json(&text, kind)),
                Some("hcl") => reports.push(check_terraform(&text)),
                _ => {}
            }
        }
    }
    reports
}

/// The reports of the planted defects, whose tables `defects.rs` explains.
fn defect_reports() -> Vec<Report> {
    let mut reports = Vec::new();
    for table in DEFECTS {
        let lines: Vec<&str> = table.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).collect();
        for case in lines.chunks(3) {
            let &[head, defect, _] = case else { panic!("three lines a case: {case:?}") };
            let kind_name = head.split(" | ").nth(1).expect("a kind").trim();
            let whole = defect.contains("\"Version\"");
            let document = format!("{{\"Version\":\"2012-10-17\",\"Statement\":{defect}}}");
            let kind = PolicyKind::from_name(kind_name).expect("a kind");
            reports.push(check_json(if whole { defect } else { &document }, kind));
        }
    }
    reports
}

fn entry(diagnostic: &Diagnostic) -> (&'static str, String) {
    let finding = &diagnostic.finding;
    let mut text = format!("  {:?}: {}\n", finding.severity, finding.message);
    if !finding.help.is_empty() {
        let _ = writeln!(text, "    help: {}", finding.help);
    }
    for (_, message) in &diagnostic.related {
        let _ = writeln!(text, "    related: {message}");
    }
    (finding.rule.name, text)
}

#[test]
fn messages_of_every_rule() {
    let reports: Vec<Report> = page_reports().into_iter().chain(defect_reports()).collect();
    let families: BTreeSet<Family> = rules::ALL.iter().map(|r| r.family).collect();
    for family in families {
        let of_family = reports.iter().flat_map(|r| &r.findings).filter(|f| f.finding.rule.family == family);
        let entries: BTreeSet<(&str, String)> = of_family.map(entry).collect();
        let mut text = String::new();
        let mut last = "";
        for (rule, entry) in &entries {
            if *rule != last {
                let _ = writeln!(text, "{rule}");
                last = rule;
            }
            text.push_str(entry);
        }
        insta::assert_snapshot!(format!("{family:?}").to_lowercase(), text);
    }
}
