//! Runs `terraform output`, and explains why there may be no outputs.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use anyhow::{anyhow, bail};
use untrusted_text::escape;

use crate::local_files::shown;

const USE_A_FILE: &str = "run this from the root of the repository, or pass an outputs file with --outputs";

/// Runs `terraform output -json` in a folder.
///
/// # Errors
/// If Terraform or the folder does not exist, or the folder is not initialised or not applied.
pub(crate) fn output(folder: &Path) -> anyhow::Result<String> {
    let shown_folder = shown(folder);
    if !folder.is_dir() {
        bail!("there is no folder `{shown_folder}` in which to run `terraform output`: {USE_A_FILE}");
    }
    let chdir = format!("-chdir={}", folder.display());
    let result = Command::new("terraform").args([&chdir, "output", "-json", "-no-color"]).output();
    let output = result.map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            anyhow!("`terraform` is not in PATH: install it, or pass an outputs file with --outputs")
        }
        _ => anyhow!("cannot run `terraform output`: {error}"),
    })?;
    if !output.status.success() {
        let stderr = indented(&String::from_utf8_lossy(&output.stderr));
        if !is_initialised(folder) {
            bail!(
                "Terraform is not initialised in `{shown_folder}`: run `terraform -chdir={shown_folder} init -backend-config=../backend.conf`, or pass an outputs file with --outputs{stderr}"
            );
        }
        bail!(
            "Terraform cannot read its state in `{shown_folder}`: fix the error below, or pass an outputs file with --outputs{stderr}"
        );
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if is_empty(&text) {
        let hint = match is_initialised(folder) {
            true => format!("nothing was applied yet: run `terraform -chdir={shown_folder} apply`"),
            false => format!(
                "it is not initialised and has no local state: run `terraform -chdir={shown_folder} init -backend-config=../backend.conf`, then apply"
            ),
        };
        bail!("Terraform's state in `{shown_folder}` has no outputs: {hint}; or {USE_A_FILE}");
    }
    Ok(text)
}

fn is_empty(text: &str) -> bool {
    let value = serde_json::from_str::<serde_json::Value>(text).ok();
    text.trim().is_empty() || value.is_some_and(|v| v.as_object().is_some_and(serde_json::Map::is_empty))
}

/// Whether `terraform init` has been run there.
fn is_initialised(folder: &Path) -> bool {
    let data_dir = std::env::var_os("TF_DATA_DIR").unwrap_or_else(|| ".terraform".into());
    folder.join(data_dir).is_dir()
}

/// The lines of Terraform's error, escaped and indented, without its frame.
fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim_matches(['│', '╷', '╵', ' ']));
    lines.filter(|line| !line.is_empty()).map(|line| format!("\n  {}", escape(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_errors_are_escaped_and_indented() {
        let stderr = indented("╷\n│ Error: no\u{1b}[31m\n│ \n│ second\n╵\n");
        assert_eq!(stderr, "\n  Error: no\\u{1b}[31m\n  second");
        assert!(is_empty("{}\n") && is_empty("") && !is_empty("{\"a\": 1}"));
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let error = output(Path::new("no/such/folder")).unwrap_err().to_string();
        assert!(error.contains("no folder `no/such/folder`"), "{error}");
    }
}
