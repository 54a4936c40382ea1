//! The hooks, run by pre-commit.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs a program with the built policy-lint on `PATH`.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> Option<Output> {
    let built = PathBuf::from(env!("CARGO_BIN_EXE_policy-lint"));
    command(folder, program, arguments, built.parent().map(Path::to_path_buf)).output().ok()
}

/// A command with the folder `first` at the start of `PATH`.
fn command(folder: &Path, program: &str, arguments: &[&str], first: Option<PathBuf>) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::env::split_paths(&path).filter(|p| !p.join("policy-lint").is_file());
    let joined = std::env::join_paths(first.into_iter().chain(paths)).expect("a path");
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments).env("PATH", joined).env("PRE_COMMIT_HOME", folder.join(".cache"));
    // If these tests run in a git hook, its repository must not leak into the one created here, and neither must the git
    // configuration of the user (templates, hooks, signatures).
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(name);
    }
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command
}

/// A repository with a copy of the hooks, as users reference it.
fn hook_repository(folder: &Path) -> Option<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir_all(folder.join("policy-lint")).ok()?;
    std::fs::copy(root.join("../.pre-commit-hooks.yaml"), folder.join(".pre-commit-hooks.yaml")).ok()?;
    for name in ["hook", "build"] {
        std::fs::copy(root.join(name), folder.join("policy-lint").join(name)).ok()?;
    }
    std::fs::copy(root.join("../rust-toolchain.toml"), folder.join("rust-toolchain.toml")).ok()?;
    commit(folder)
}

fn commit(folder: &Path) -> Option<()> {
    run(folder, "git", &["init", "-q"])?;
    run(folder, "git", &["add", "-A"])?;
    let who = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
    let output = run(folder, "git", &[&who[..], &["commit", "-q", "--no-verify", "-m", "x"]].concat())?;
    output.status.success().then_some(())
}

/// The program in the variable `PRE_COMMIT`, or `pre-commit` from `PATH`.
fn pre_commit() -> Option<String> {
    let program = std::env::var("PRE_COMMIT").unwrap_or_else(|_| String::from("pre-commit"));
    if run(Path::new("."), &program, &["--version"]).is_none() {
        eprintln!("SKIPPED: no pre-commit program; install it, or name it in PRE_COMMIT");
        return None;
    }
    Some(program)
}

/// Runs the hooks that this repository uses itself on a file in a copy of its tree.
#[test]
fn the_hooks_of_this_repository_reject_defects() {
    let Some(program) = pre_commit() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let work = tempfile::tempdir().expect("a folder");
    let copy = |name: &str| {
        let to = work.path().join(name);
        std::fs::create_dir_all(to.parent().expect("a parent")).expect("a folder");
        std::fs::copy(root.join("..").join(name), to).expect("a copy");
    };
    [".pre-commit-config.yaml", "policy-lint/hook"].into_iter().for_each(copy);
    let policy = |action: &str| {
        format!(
            r#"resource "aws_iam_policy" "p" {{
  policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{{ Effect = "Allow", Action = "{action}", Resource = "arn:aws:s3:::figures/*" }}]
  }})
}}
"#
        )
    };
    let file = "terraform/main.tf";
    std::fs::create_dir(work.path().join("terraform")).expect("a folder");
    let mut cases = vec![
        ("policy-lint", policy("s3:*"), 1, "service-wildcard"),
        ("policy-lint", policy("s3:GetObject"), 0, "Passed"),
    ];
    if run(work.path(), "terraform", &["version"]).is_some() {
        cases.push(("terraform-fmt", String::from("locals {\na=1\n}\n"), 1, "files were modified"));
        cases.push(("terraform-fmt", String::from("locals {\n  a = 1\n}\n"), 0, "Passed"));
    }
    for (hook, source, expected, expected_text) in cases {
        std::fs::write(work.path().join(file), source).expect("a file");
        commit(work.path()).expect("a commit");
        let output = run(work.path(), &program, &["run", hook, "--files", file]).expect("pre-commit runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(expected), "{hook}\n{text}");
        assert!(text.contains(expected_text), "{hook}\n{text}");
    }
}

#[test]
fn the_hooks_run_in_pre_commit() {
    let Some(program) = pre_commit() else { return };
    let work = tempfile::tempdir().expect("a folder");
    let hooks = tempfile::tempdir().expect("a folder");
    hook_repository(hooks.path()).expect("a repository of hooks");
    std::fs::write(work.path().join("main.tf"), WILDCARD).expect("a file");
    std::fs::write(work.path().join("package.json"), "{}").expect("a file");
    let plan = include_str!("plans/first/plan.json");
    std::fs::write(work.path().join("plan.json"), plan).expect("a file");
    commit(work.path()).expect("a repository of the user");
    let repository = hooks.path().to_string_lossy().into_owned();
    for (hook, files, expected, expected_text) in [
        ("policy-lint", vec!["main.tf", "package.json"], 1, "service-wildcard"),
        ("policy-lint", vec!["package.json"], 0, "Passed"),
        ("policy-lint-plan", vec!["plan.json"], 1, "broad-managed-policy"),
    ] {
        let arguments = [&["try-repo", &repository, hook, "--verbose", "--files"][..], &files].concat();
        let output = run(work.path(), &program, &arguments).expect("pre-commit runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            output.status.code(),
            Some(expected),
            "{hook} {files:?}\n{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(text.contains(expected_text), "{hook} {files:?}\n{text}");
    }
}

const WILDCARD: &str = "resource \"aws_iam_policy\" \"p\" {\n  policy = jsonencode({ Version = \"2012-10-17\", Statement = { Effect = \"Allow\", Action = \"s3:*\", Resource = \"arn:aws:s3:::b\" } })\n}\n";

/// A user's repository that pins a toolchain and a target which do not exist.
fn rust_repository(folder: &Path) {
    std::fs::create_dir_all(folder.join(".cargo")).expect("a folder");
    std::fs::write(folder.join("rust-toolchain.toml"), "[toolchain]\nchannel = \"1.0.0-none\"\n").expect("a file");
    std::fs::write(folder.join(".cargo/config.toml"), "[build]\ntarget = \"none-none-none\"\n").expect("a file");
    std::fs::write(folder.join("main.tf"), WILDCARD).expect("a file");
    commit(folder).expect("a repository of the user");
}

/// Environment variables that users may have set for their own builds.
const FOREIGN: [(&str, &str); 5] = [
    ("RUSTUP_TOOLCHAIN", "1.0.0-none"),
    ("CARGO_TARGET_DIR", "/nonexistent/target"),
    ("CARGO_BUILD_TARGET", "none-none-none"),
    ("RUSTFLAGS", "--none"),
    ("RUSTC_WRAPPER", "/nonexistent/wrapper"),
];

/// Stands in for cargo: records its environment, calls the real cargo only for its version, and copies the program that is
/// already built to the path where the hook expects it.
const CARGO: &str = r#"#!/bin/sh
set -eu
env >>"$CALLS"
test -x policy-lint/hook
test ! -e main.tf
PATH="${PATH#*:}"
cargo --version
while [ "$1" != --target ]; do shift; done
mkdir -p "$4/$2/release"
cp "$PROGRAM" "$4/$2/release/policy-lint"
"#;

#[cfg(unix)]
#[test]
fn the_hook_builds_in_its_own_folder_with_its_own_toolchain() {
    use std::os::unix::fs::PermissionsExt;

    let Some(program) = pre_commit() else { return };
    let (work, hooks, bin) = (tempfile::tempdir(), tempfile::tempdir(), tempfile::tempdir());
    let (work, hooks, bin) = (work.expect("a folder"), hooks.expect("a folder"), bin.expect("a folder"));
    hook_repository(hooks.path()).expect("a repository of hooks");
    rust_repository(work.path());
    let (cargo, calls) = (bin.path().join("cargo"), bin.path().join("calls"));
    std::fs::write(&cargo, CARGO).expect("a script");
    std::fs::set_permissions(&cargo, PermissionsExt::from_mode(0o755)).expect("a program");
    let repository = hooks.path().to_string_lossy();
    let arguments = ["try-repo", &repository, "policy-lint", "--verbose", "--files", "main.tf"];
    let output = command(work.path(), &program, &arguments, Some(bin.path().to_path_buf()))
        .env("CALLS", &calls)
        .env("PROGRAM", env!("CARGO_BIN_EXE_policy-lint"))
        .envs(FOREIGN)
        .output()
        .expect("pre-commit runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("service-wildcard"), "{text}");
    let calls = std::fs::read_to_string(calls).expect("cargo was called");
    for (name, _) in FOREIGN {
        assert!(!calls.lines().any(|l| l.starts_with(&format!("{name}="))), "{name} reaches cargo");
    }
}

/// Builds a clone of this repository with the hook. Takes minutes.
#[test]
#[ignore = "builds a release: scripts/test --long"]
fn the_hook_of_a_clone_builds_and_runs() {
    let Some(program) = pre_commit() else { return };
    let work = tempfile::tempdir().expect("a folder");
    rust_repository(work.path());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let repository = root.canonicalize().expect("this repository").to_string_lossy().into_owned();
    let arguments = ["try-repo", &repository, "policy-lint", "--verbose", "--files", "main.tf"];
    let output = command(work.path(), &program, &arguments, None).envs(FOREIGN).output().expect("pre-commit runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("service-wildcard"), "{text}");
}
