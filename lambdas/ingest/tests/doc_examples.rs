//! The examples in `docs/ingest.md` have the outcomes that the page states, and the page lists every outcome.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use ingest::outcome::Outcome;
use support::{NOW, deployment, version};

const PAGE: &str = include_str!("../../../docs/ingest.md");

#[test]
fn examples_have_the_stated_outcome() {
    let mut count = 0;
    for block in PAGE.split("```json ").skip(1) {
        let (expected, rest) = block.split_once('\n').unwrap();
        let (text, _) = rest.split_once("```").unwrap();
        let validated = deployment().validator.validate(text.as_bytes(), &version("k", "v").into(), NOW);
        let problems = validated.err().map(|invalid| invalid.problems).unwrap_or_default();
        let found: Vec<String> = problems.iter().map(|p| format!("{} {}", p.rule, p.path)).collect();
        let expected_problems: &[&str] = if expected == "stored" { &[] } else { &[expected] };
        assert_eq!(found, expected_problems, "{text}");
        count += 1;
    }
    assert!(count >= 6, "only {count} examples found");
}

#[test]
fn the_table_lists_every_outcome() {
    for outcome in Outcome::ALL {
        assert!(PAGE.contains(&format!("| `{}` |", outcome.name())), "{outcome:?}");
    }
}

#[test]
fn every_requirement_is_listed() {
    const REQUIREMENTS: &str = include_str!("../../../docs/requirements.md");
    for n in 1..=25 {
        assert!(REQUIREMENTS.contains(&format!("| 003.{n} |")), "003.{n}");
    }
}
