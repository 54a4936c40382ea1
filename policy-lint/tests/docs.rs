//! Generated documents are up to date.
use std::path::Path;

use policy_lint::report::tables;
use policy_lint::rules;

#[test]
fn the_generated_tables_are_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules.md");
    let text = std::fs::read_to_string(path).expect("docs/rules.md");
    let fresh = tables::refresh(&text).expect("it has tables");
    assert!(text == fresh, "docs/rules.md is old: cargo run -p policy-lint -- rules --format markdown");
}

#[test]
fn every_check_of_aws_is_mapped_to_a_rule_or_a_reason() {
    let table = include_str!("../aws-checks.txt");
    for line in table.lines().filter(|l| !l.starts_with('#')) {
        let (check, answer) = line.split_once('\t').unwrap_or_else(|| panic!("no answer in `{line}`"));
        let is_explained = answer.starts_with("not done") || answer.starts_with("not applicable");
        assert!(
            is_explained || rules::find(answer).is_some(),
            "`{check}` is answered by `{answer}`, which is not a rule"
        );
    }
}
