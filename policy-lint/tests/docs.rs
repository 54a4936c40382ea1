//! Generated documents are what the program would write now.
use std::path::Path;

use policy_lint::report::tables;
use policy_lint::rules;

#[test]
fn the_tables_are_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules.md");
    let text = std::fs::read_to_string(path).expect("docs/rules.md");
    let fresh = tables::refresh(&text).expect("it has tables");
    assert!(text == fresh, "docs/rules.md is old: cargo run -p policy-lint -- rules --format markdown");
}

#[test]
fn every_published_check_has_an_answer() {
    let table = include_str!("../aws-checks.txt");
    for line in table.lines().filter(|l| !l.starts_with('#')) {
        let (check, answer) = line.split_once('\t').unwrap_or_else(|| panic!("no answer in `{line}`"));
        let said = answer.starts_with("not done") || answer.starts_with("not applicable");
        assert!(said || rules::find(answer).is_some(), "`{check}` is answered by `{answer}`, which is no rule");
    }
}
