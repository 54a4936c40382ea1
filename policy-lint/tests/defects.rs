//! Policies with one defect each, and a correct version of each. For the persona `regular` the defect is reported at its
//! location, with a given word in the message or help; the correct version has no finding.
use std::sync::Arc;

use iam_policy::PolicyKind;
use policy_lint::diagnostic::Report;
use policy_lint::engine;
use policy_lint::policy_file::{self, Outcome};
use policy_lint::rule::Persona;
use source_text::SourceFile;

/// One case of a table: the expected finding, the policy with the defect and the correct policy.
struct Case {
    rule: &'static str,
    kind: &'static str,
    location: &'static str,
    word: &'static str,
    bad: String,
    good: String,
}

fn document(line: &str) -> String {
    if line.contains("\"Version\"") {
        return line.to_owned();
    }
    format!("{{\"Version\":\"2012-10-17\",\"Statement\":{line}}}")
}

fn cases(table: &'static str) -> Vec<Case> {
    let lines: Vec<&'static str> = table.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).collect();
    let read = |lines: &[&'static str]| {
        let &[head, bad, good] = lines else { panic!("three lines a case: {lines:?}") };
        let mut parts = head.split(" | ").map(str::trim);
        let mut next = || parts.next().expect("four parts");
        let (rule, kind, location, word) = (next(), next(), next(), next());
        Case { rule, kind, location, word, bad: document(bad), good: document(good) }
    };
    lines.chunks(3).map(read).collect()
}

fn run(text: &str, kind: &str) -> Report {
    let kind = PolicyKind::from_name(kind).expect("a kind");
    let file = Arc::new(SourceFile::new("planted.json", text.to_owned()));
    let Outcome::Read(project) = policy_file::read(file, Some(kind), true) else { panic!("not a policy: {text}") };
    let mut report = engine::run(&project);
    report.findings.retain(|f| f.finding.persona <= Persona::Regular);
    report
}

fn check_case(case: &Case, wrong: &mut Vec<String>) {
    let (bad, good) = (run(&case.bad, case.kind), run(&case.good, case.kind));
    let names = |r: &Report| r.findings.iter().map(|f| f.finding.rule.name).collect::<Vec<_>>().join(", ");
    let found = bad.findings.iter().find(|f| f.finding.rule.name == case.rule);
    let Some(found) = found else {
        return wrong.push(format!("{}: not reported, but [{}] in\n  {}", case.rule, names(&bad), case.bad));
    };
    let text = &case.bad[found.location.start as usize..];
    if !text.starts_with(case.location) {
        let shown: String = text.chars().take(40).collect();
        wrong.push(format!("{}: points at `{shown}`, not at `{}`", case.rule, case.location));
    }
    let text_of_finding = format!("{} {}", found.finding.message, found.finding.help);
    if !text_of_finding.contains(case.word) {
        wrong.push(format!("{}: `{text_of_finding}` does not contain `{}`", case.rule, case.word));
    }
    if !good.findings.is_empty() {
        wrong.push(format!("{}: the correct version has [{}]\n  {}", case.rule, names(&good), case.good));
    }
}

#[test]
fn defects_are_reported_and_correct_versions_are_not() {
    let tables =
        [include_str!("defects/grammar.txt"), include_str!("defects/match.txt"), include_str!("defects/access.txt")];
    let all: Vec<Case> = tables.into_iter().flat_map(cases).collect();
    assert!(all.len() > 100, "{} cases", all.len());
    let mut wrong = Vec::new();
    all.iter().for_each(|c| check_case(c, &mut wrong));
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}
