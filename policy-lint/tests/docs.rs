//! The generated parts of the documents are up to date.
use std::path::Path;

use policy_lint::report::tables;
use policy_lint::rules;

#[test]
fn generated_tables_are_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules.md");
    let text = std::fs::read_to_string(path).expect("docs/rules.md");
    let updated = tables::update(&text).expect("it has tables");
    assert!(text == updated, "docs/rules.md is out of date: run cargo run -p policy-lint -- rules --format markdown");
}

#[test]
fn every_published_check_has_a_rule_or_a_reason() {
    let table = include_str!("../aws-checks.txt");
    for line in table.lines().filter(|l| !l.starts_with('#')) {
        let (check, answer) = line.split_once('\t').unwrap_or_else(|| panic!("no rule in `{line}`"));
        let has_reason = answer.starts_with("not done") || answer.starts_with("not applicable");
        assert!(has_reason || rules::find(answer).is_some(), "`{check}`: `{answer}` is not a rule");
    }
}
