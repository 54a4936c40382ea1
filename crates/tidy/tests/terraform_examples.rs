//! Each folder of `terraform/examples` is a configuration that says what it is for.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use tidy::{Source, sources};

/// The examples without a `main.tf`, or whose `main.tf` does not begin with a comment.
fn faults(sources: &[Source]) -> (usize, Vec<String>) {
    let folders: BTreeSet<&str> = sources
        .iter()
        .filter_map(|source| source.path.strip_prefix("terraform/examples/")?.split_once('/'))
        .map(|(folder, _)| folder)
        .collect();
    let mut faults = Vec::new();
    for folder in &folders {
        let path = format!("terraform/examples/{folder}/main.tf");
        match sources.iter().find(|source| source.path == path) {
            None => faults.push(format!("{path}: does not exist")),
            Some(main) => {
                let comment = main.text.lines().next().and_then(|line| line.strip_prefix('#'));
                if comment.is_none_or(|text| text.trim().is_empty()) {
                    faults.push(format!("{path}: begin with a comment that says what the example is for"));
                }
            }
        }
    }
    (folders.len(), faults)
}

#[test]
fn every_example_says_what_it_is_for() {
    let (examples, faults) = faults(&sources());
    assert!(examples > 0, "no folder in terraform/examples");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn an_example_without_main_or_comment_is_a_fault() {
    let files = [
        ("both/main.tf", "# Both systems.\nmodule \"x\" {}\n"),
        ("minimal/main.tf", "#\n"),
        ("regions/modules/main.tf", "# Nested.\n"),
        ("other.tfvars", ""),
    ];
    let files = files.map(|(path, text)| Source { path: format!("terraform/examples/{path}"), text: text.to_owned() });
    let expected = [
        "terraform/examples/minimal/main.tf: begin with a comment that says what the example is for",
        "terraform/examples/regions/main.tf: does not exist",
    ];
    assert_eq!(faults(&files), (3, expected.map(str::to_owned).to_vec()));
}
