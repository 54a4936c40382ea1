//! `docs/ingest.md` is true: its examples end as it says, and it knows every end.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use ingest::record::End;
use world::{NOW, plan, source};

const PAGE: &str = include_str!("../../../docs/ingest.md");

#[test]
fn examples_end_as_the_page_says() {
    let blocks = PAGE.split("```json ").skip(1);
    let mut count = 0;
    for block in blocks {
        let (expected, rest) = block.split_once('\n').unwrap();
        let (text, _) = rest.split_once("```").unwrap();
        let problems = plan().rules.judge(text.as_bytes(), &source("k", "v"), NOW).err();
        let found: Vec<String> =
            problems.unwrap_or_default().iter().map(|p| format!("{} {}", p.rule, p.path)).collect();
        let expected = if expected == "stored" { vec![] } else { vec![expected.to_owned()] };
        assert_eq!(found, expected, "{text}");
        count += 1;
    }
    assert!(count >= 6, "only {count} examples found");
}

#[test]
fn every_end_is_in_the_table() {
    for end in End::ALL {
        assert!(PAGE.contains(&format!("| `{}` |", end.name())), "{end:?}");
    }
}

#[test]
fn every_requirement_is_listed() {
    const REQUIREMENTS: &str = include_str!("../../../docs/requirements.md");
    for n in (1..=20).chain([25]) {
        let id = format!("003.{n}");
        let mut words = REQUIREMENTS.split(|c: char| !(c.is_ascii_digit() || c == '.'));
        assert!(words.any(|w| w.trim_end_matches('.') == id), "{id}");
    }
}
