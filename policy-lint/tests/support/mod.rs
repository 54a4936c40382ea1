//! Runs the program in a temporary folder.
use std::path::Path;

use assert_cmd::Command;

/// The built program.
pub(crate) fn policy_lint() -> Command {
    Command::cargo_bin("policy-lint").expect("the program is built")
}

/// A temporary folder with files, whose paths may have folders.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, text).expect("a file");
    }
    folder
}

/// Runs the program in a folder; returns its exit code, standard output and standard error.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = policy_lint().current_dir(folder).env("COLUMNS", "120").args(arguments).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("output is UTF-8");
    (output.status.code().expect("it exits"), text(&output.stdout), text(&output.stderr))
}
