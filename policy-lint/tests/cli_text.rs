//! What the program says about itself and about bad input.
use std::path::Path;

mod support;
use support::folder;

/// The command, its output and its exit code.
fn run(folder: &Path, arguments: &[&str]) -> String {
    let (code, out, err) = support::run(folder, arguments);
    format!("$ policy-lint {}\n{out}{err}exit code {code}\n\n", arguments.join(" "))
}

fn transcript(files: &[(&str, &str)], commands: &[&[&str]]) -> String {
    let folder = folder(files);
    commands.iter().map(|arguments| run(folder.path(), arguments)).collect()
}

#[test]
fn help() {
    let commands: [&[&str]; 5] =
        [&["--help"], &["check", "--help"], &["explain", "--help"], &["rules", "--help"], &["expand", "--help"]];
    insta::assert_snapshot!(transcript(&[], &commands));
}

#[test]
fn rules() {
    insta::assert_snapshot!(transcript(&[], &[&["rules"]]));
}

#[test]
fn explain() {
    insta::assert_snapshot!(transcript(&[], &[&["explain", "service-wildcard"]]));
}

#[test]
fn errors_of_wrong_arguments() {
    let policy = r#"{"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}}"#;
    let commands: [&[&str]; 13] = [
        &["explain", "wildcard-acton"],
        &["explain", "nothing-like-a-rule-of-this-program"],
        &["expand", "s3"],
        &["expand", "sqz:*"],
        &["expand", "sqs:Nothing*"],
        &["check", "missing.json"],
        &["check", "missing.tf"],
        &["check", "policy.json", "--kind", "nonsense"],
        &["check", "policy.json", "--config", "missing.toml"],
        &["check", "policy.json", "--baseline", "missing.json"],
        &["check", "policy.json", "--output", "missing/report"],
        &["check", "policy.json", "--write-baseline", "missing/base"],
        &["rules", "--format", "markdown", "--document", "policy.json"],
    ];
    insta::assert_snapshot!(transcript(&[("policy.json", policy)], &commands));
}

#[test]
fn errors_of_unreadable_input() {
    let files = [
        ("empty.json", ""),
        ("number.json", "1"),
        ("package.json", "{\"name\": \"x\"}"),
        ("broken.json", "{\"Statement\": [}"),
        ("duplicate.json", "{\"Statement\": [], \"Statement\": []}"),
        ("broken.tf", "resource \"x\" {"),
        ("readme.txt", "x"),
        ("unknown.toml", "[[allow]]\nrule = \"wildcard-acton\"\n"),
        ("field.toml", "[[allow]]\nrule = \"wildcard-action\"\nwhy = \"x\"\n"),
        ("date.toml", "[[allow]]\nrule = \"wildcard-action\"\nuntil = \"tomorrow\"\n"),
        ("old.json", "{\"version\": 7, \"findings\": []}"),
    ];
    let mut text = String::new();
    let folder = folder(&files);
    for (name, _) in &files[..7] {
        text.push_str(&run(folder.path(), &["check", name]));
    }
    for config in ["unknown.toml", "field.toml", "date.toml"] {
        text.push_str(&run(folder.path(), &["check", "package.json", "--config", config]));
    }
    for baseline in ["old.json", "package.json"] {
        text.push_str(&run(folder.path(), &["check", "broken.tf", "--baseline", baseline]));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn exceptions_report_their_own_defects() {
    let source = "# policy-lint: allow(wildcard-action)\n# policy-lint: allow(wildcard-acton) x\n# policy-lint: allow(service-wildcard) accepted\nresource \"aws_iam_policy\" \"p\" {\n  policy = jsonencode({ Version = \"2012-10-17\", Statement = [{ Effect = \"Allow\", Action = \"s3:GetObject\", Resource = \"arn:aws:s3:::b/*\" }] })\n}\n";
    let entries = "[[allow]]\nrule = \"wildcard-action\"\n\n[[allow]]\nrule = \"service-wildcard\"\nreason = \"x\"\nuntil = 2020-01-01\n";
    let folder = folder(&[("main.tf", source), ("policy-lint.toml", entries)]);
    insta::assert_snapshot!(run(folder.path(), &["check", "."]));
}
