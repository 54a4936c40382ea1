//! The examples on the rule pages are tests: the rule reports the lines marked `#! severity`, and no other lines.
use std::sync::Arc;

use iam_policy::PolicyKind;
use policy_lint::diagnostic::Report;
use policy_lint::engine;
use policy_lint::policy_file::{self, Outcome};
use policy_lint::rule::Check;
use policy_lint::terraform;
use source_text::SourceFile;

struct Example {
    info: String,
    text: String,
    expected: Vec<(usize, String)>,
}

fn examples(page: &str) -> Vec<Example> {
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```").filter(|i| !i.is_empty()) else {
            continue;
        };
        let mut example = Example { info: info.to_owned(), text: String::new(), expected: Vec::new() };
        for (number, line) in (1..).zip(lines.by_ref().take_while(|l| !l.starts_with("```"))) {
            let (line, mark) = line.split_once(" #! ").map_or((line, None), |(l, m)| (l, Some(m)));
            example.text.push_str(line);
            example.text.push('\n');
            example.expected.extend(mark.map(|m| (number, m.trim().to_owned())));
        }
        found.push(example);
    }
    found
}

fn run(example: &Example) -> Option<Report> {
    let mut words = example.info.split_whitespace();
    let language = words.next()?;
    let kind = words.next().map(|k| PolicyKind::from_name(k).expect("a kind after the language"));
    let file = |path: &str| Arc::new(SourceFile::new(path, example.text.clone()));
    match language {
        "json" => match policy_file::read(file("example.json"), kind.or(Some(PolicyKind::Identity)), true) {
            Outcome::Read(project) => Some(engine::run(&project)),
            Outcome::Other => panic!("the example is not a policy:\n{}", example.text),
        },
        "hcl" => {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("main.tf"), &example.text).expect("a file");
            let mut report = Report::default();
            for project in terraform::read(&[folder.path().to_path_buf()], &[]).projects {
                assert!(project.broken.is_empty(), "{:?} in\n{}", project.broken, example.text);
                report.merge(engine::run(&project));
            }
            Some(report)
        }
        _ => None,
    }
}

#[test]
fn examples_are_reported_as_marked() {
    let mut wrong = Vec::new();
    for rule in policy_lint::rules::ALL {
        let (mut bad, mut good) = (0, 0);
        for example in examples(rule.doc) {
            let Some(report) = run(&example) else {
                continue;
            };
            let mut actual: Vec<(usize, String)> = report
                .findings
                .iter()
                .filter(|f| f.finding.rule.name == rule.name)
                .map(|f| (f.location.positions().0.line, format!("{:?}", f.finding.severity).to_lowercase()))
                .collect();
            actual.sort();
            actual.dedup();
            if actual != example.expected {
                wrong.push(format!(
                    "{}: expected {:?}, found {actual:?} in\n{}",
                    rule.name, example.expected, example.text
                ));
            }
            if example.expected.is_empty() { good += 1 } else { bad += 1 }
        }
        if !matches!(rule.check, Check::Engine) && (bad == 0 || good == 0) {
            wrong.push(format!("{}: the page needs an example with a finding and one without", rule.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pages_have_the_required_sections() {
    for rule in policy_lint::rules::ALL {
        assert!(
            rule.doc.starts_with(&format!("# {}\n\n", rule.name)),
            "{}: the title is not the name of the rule",
            rule.name
        );
        assert!(rule.doc.contains("\n## Why\n"), "{}: the section `Why` is missing", rule.name);
        assert!(rule.doc.contains("\n## Instead\n"), "{}: the section `Instead` is missing", rule.name);
        assert!(rule.summary().len() < 160, "{}: the first paragraph is too long", rule.name);
    }
    assert!(policy_lint::rules::ALL.is_sorted_by_key(|r| r.name), "the list is not sorted by name");
}
