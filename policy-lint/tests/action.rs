//! The steps of the GitHub action, run with the shell options of the GitHub runner.
#![cfg(unix)]
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The scripts of the steps with their names.
fn steps() -> Vec<(String, String)> {
    let text = include_str!("../action/action.yml");
    assert!(!text.contains("uses:"), "the action uses no other action");
    let mut found = Vec::new();
    let mut lines = text.lines().peekable();
    let mut name = String::new();
    while let Some(line) = lines.next() {
        if let Some(given) = line.trim_start().strip_prefix("- name: ") {
            name = given.to_owned();
        }
        if line.trim() == "run: |" {
            let indent = line.len() - line.trim_start().len() + 2;
            let mut script = String::new();
            while let Some(next) = lines.next_if(|l| l.trim().is_empty() || l.starts_with(&" ".repeat(indent))) {
                script.push_str(next.get(indent..).unwrap_or_default());
                script.push('\n');
            }
            found.push((name.clone(), script));
        }
    }
    found
}

fn run(folder: &Path, paths: &str, arguments: &str, format: &str) -> Output {
    let built = PathBuf::from(env!("CARGO_BIN_EXE_policy-lint"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = built.parent().map(Path::to_path_buf).into_iter().chain(std::env::split_paths(&path));
    let joined = std::env::join_paths(folders).expect("a path");
    let mut last = None;
    for (name, script) in steps() {
        let file = folder.join("step.sh");
        std::fs::write(&file, &script).expect("a script");
        let output = Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail"])
            .arg(&file)
            .current_dir(folder)
            .env("PATH", &joined)
            .env("ACTION_PATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("action"))
            .env("PATHS", paths)
            .env("ARGUMENTS", arguments)
            .env("FORMAT", format)
            .env("GITHUB_OUTPUT", folder.join("output"))
            .output()
            .expect("bash runs");
        let failed = !output.status.success();
        assert!(!failed || name == "Check", "{name}: {}", String::from_utf8_lossy(&output.stderr));
        last = Some(output);
    }
    last.expect("a step")
}

#[test]
fn the_action_writes_annotations_or_sarif_and_fails_on_findings() {
    let work = tempfile::tempdir().expect("a folder");
    let policy = |action: &str| {
        format!(
            "{{\"Version\":\"2012-10-17\",\"Statement\":{{\"Effect\":\"Allow\",\"Action\":\"{action}\",\"Resource\":\"arn:aws:s3:::figures/*\"}}}}"
        )
    };
    for (file, action) in [("a.json", "s3:*"), ("b.json", "s3:GetObject")] {
        std::fs::write(work.path().join(file), policy(action)).expect("a file");
    }
    let text = |o: &Output| String::from_utf8_lossy(&o.stdout).into_owned();
    let both = run(work.path(), "a.json b.json", "", "github");
    assert_eq!(both.status.code(), Some(1));
    assert!(text(&both).contains("::error") && text(&both).contains("a.json"), "{}", text(&both));
    assert_eq!(run(work.path(), "b.json", "", "github").status.code(), Some(0));
    assert_eq!(run(work.path(), "a.json", "--fail-on never", "github").status.code(), Some(0));
    assert_eq!(run(work.path(), "missing.json", "", "github").status.code(), Some(2));

    let sarif = run(work.path(), "a.json", "", "sarif");
    assert_eq!(sarif.status.code(), Some(1), "findings fail the step, but the file is written");
    let written = std::fs::read_to_string(work.path().join("policy-lint.sarif")).expect("the report");
    assert!(written.contains("service-wildcard"));
    let outputs = std::fs::read_to_string(work.path().join("output")).expect("the outputs");
    assert!(outputs.contains("sarif=policy-lint.sarif"), "{outputs}");
}
