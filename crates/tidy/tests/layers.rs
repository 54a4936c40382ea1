//! Dependencies go down only: between crates by their manifests, between files of a crate by their imports.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use tidy::imports::Graph;
use tidy::{root, sources};

/// A crate and the crates of this workspace that it may use, lowest first.
const LAYERS: &[(&str, &[&str])] = &[
    ("untrusted-text", &[]),
    ("tidy", &[]),
    ("sluice-types", &["untrusted-text"]),
    ("lambda-support", &["untrusted-text", "sluice-types"]),
    ("ingest", &["untrusted-text", "sluice-types", "lambda-support"]),
    ("provenance", &["untrusted-text", "sluice-types", "lambda-support"]),
    ("ledger", &["untrusted-text", "sluice-types", "lambda-support"]),
    ("source-text", &[]),
    ("terraform-eval", &["source-text"]),
    ("iam-policy", &["source-text"]),
    ("policy-lint", &["untrusted-text", "source-text", "terraform-eval", "iam-policy"]),
    (
        "sluice",
        &[
            "untrusted-text",
            "sluice-types",
            "lambda-support",
            "ingest",
            "provenance",
            "ledger",
            "iam-policy",
            "policy-lint",
        ],
    ),
];

/// Crates that make no call: no AWS SDK, no runtime, no HTTP.
const OFFLINE: &[&str] =
    &["untrusted-text", "sluice-types", "source-text", "terraform-eval", "iam-policy", "policy-lint"];

/// What makes calls, by the beginning of the crate's name.
const ONLINE: &[&str] = &["aws-", "tokio", "hyper", "lambda_", "reqwest"];

/// Folders whose files may import each other: the Terraform evaluator, where expressions, templates, references and
/// module calls are mutually recursive by the language.
const RECURSIVE: &[&str] = &["crates/terraform-eval/src/eval"];

/// Each crate's folder, name and dependencies (without those of tests).
fn crates() -> Vec<(String, String, BTreeSet<String>)> {
    let mut crates = Vec::new();
    for source in sources().iter().filter(|source| source.path.ends_with("/Cargo.toml")) {
        let folder = source.path.trim_end_matches("Cargo.toml");
        if folder.contains("/fuzz/") {
            continue;
        }
        let manifest: toml::Table = source.text.parse().unwrap();
        let name = manifest["package"]["name"].as_str().unwrap().to_owned();
        let table = |key: &str| manifest.get(key).and_then(toml::Value::as_table).cloned().unwrap_or_default();
        let dependencies = table("dependencies").keys().chain(table("build-dependencies").keys()).cloned().collect();
        crates.push((folder.to_owned(), name, dependencies));
    }
    crates
}

#[test]
fn crates_depend_on_lower_crates_only() {
    let layers: BTreeMap<&str, &[&str]> = LAYERS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (folder, name, dependencies) in crates() {
        let Some(allowed) = layers.get(name.as_str()) else {
            wrong.push(format!("{folder}Cargo.toml: add `{name}` to LAYERS in {}", file!()));
            continue;
        };
        for dependency in dependencies.iter().filter(|dependency| layers.contains_key(dependency.as_str())) {
            if !allowed.contains(&dependency.as_str()) {
                wrong.push(format!("{folder}Cargo.toml: `{name}` must not depend on `{dependency}`"));
            }
        }
        if OFFLINE.contains(&name.as_str()) {
            for dependency in dependencies.iter().filter(|dep| ONLINE.iter().any(|start| dep.starts_with(start))) {
                wrong
                    .push(format!("{folder}Cargo.toml: `{name}` makes no calls and must not depend on `{dependency}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_import_in_one_direction() {
    let sources = sources();
    let mut cycles = Vec::new();
    for (folder, _, _) in crates() {
        for cycle in Graph::read(&format!("{folder}src/"), &sources).cycles() {
            if !RECURSIVE.iter().any(|allowed| cycle.iter().all(|file| file.starts_with(allowed))) {
                cycles.push(Vec::from_iter(cycle).join("\n  "));
            }
        }
    }
    assert!(cycles.is_empty(), "files that import each other:\n  {}", cycles.join("\n\n  "));
}

#[test]
fn the_evaluator_names_no_iam_and_the_policy_model_no_terraform() {
    let words: [(&str, &[&str]); 2] = [
        ("crates/terraform-eval/src", &["aws_iam", "iam_policy", "policy_document", "NotAction"]),
        ("crates/iam-policy/src", &["hcl_edit", "terraform_eval", "tfvars", "aws_iam_"]),
    ];
    let mut wrong = Vec::new();
    for (folder, words) in words {
        assert!(fs::exists(root().join(folder)).unwrap(), "`{folder}` has moved: change this test");
        for source in sources().iter().filter(|source| source.path.starts_with(folder)) {
            for (number, line) in source.text.lines().enumerate() {
                wrong.extend(
                    words
                        .iter()
                        .filter(|word| line.contains(**word))
                        .map(|word| format!("{}:{}: `{word}`", source.path, number + 1)),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
