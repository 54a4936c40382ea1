//! Asking Terraform for the outputs, and why it may have none.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use anyhow::{anyhow, bail};
use untrusted_text::escape;

use crate::files::shown;

const OR_A_FILE: &str = "run from the root of the repository, or name a file of them with --outputs";

/// What `terraform output -json` prints in a folder.
///
/// # Errors
/// When there is no Terraform, no such folder, no initialisation or nothing applied; the message says which.
pub fn output(folder: &Path) -> anyhow::Result<String> {
    let place = shown(folder);
    if !folder.is_dir() {
        bail!("there is no folder `{place}` to ask for Terraform's outputs: {OR_A_FILE}");
    }
    let chdir = format!("-chdir={}", folder.display());
    let answer = Command::new("terraform").args([&chdir, "output", "-json", "-no-color"]).output();
    let answer = answer.map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow!(
            "`terraform` is not in PATH, so it cannot be asked for the outputs: install it, or name a file of them with --outputs"
        ),
        _ => anyhow!("cannot run `terraform` to ask for the outputs: {error}"),
    })?;
    if !answer.status.success() {
        let said = spoken(&String::from_utf8_lossy(&answer.stderr));
        if !initialised(folder) {
            bail!(
                "Terraform is not initialised in `{place}`: run `terraform -chdir={place} init -backend-config=../backend.conf`, or name a file of outputs with --outputs{said}"
            );
        }
        bail!(
            "Terraform cannot read its state in `{place}`: see what it says, or name a file of outputs with --outputs{said}"
        );
    }
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    if empty(&text) {
        let what = match initialised(folder) {
            true => format!("nothing was applied yet: run `terraform -chdir={place} apply`"),
            false => format!(
                "it is not initialised and has no local state: run `terraform -chdir={place} init -backend-config=../backend.conf`, then apply"
            ),
        };
        bail!("Terraform's state in `{place}` has no outputs: {what}; or {OR_A_FILE}");
    }
    Ok(text)
}

fn empty(text: &str) -> bool {
    let value = serde_json::from_str::<serde_json::Value>(text).ok();
    text.trim().is_empty() || value.is_some_and(|v| v.as_object().is_some_and(serde_json::Map::is_empty))
}

/// Whether `terraform init` has been run there.
fn initialised(folder: &Path) -> bool {
    let own = std::env::var_os("TF_DATA_DIR");
    let data = own.map_or(folder.join(".terraform"), |dir| folder.join(dir));
    data.is_dir()
}

/// What Terraform said, each line escaped and on its own, without its frame.
fn spoken(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim_matches(['│', '╷', '╵', ' ']));
    let lines = lines.filter(|line| !line.is_empty());
    lines.map(|line| format!("\n  {}", escape(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terraform_says_is_told_line_by_line_without_colours() {
        let said = spoken("╷\n│ Error: no\u{1b}[31m\n│ \n│ second\n╵\n");
        assert_eq!(said, "\n  Error: no\\u{1b}[31m\n  second");
        assert!(empty("{}\n") && empty("") && !empty("{\"a\": 1}"));
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let error = output(Path::new("no/such/folder")).unwrap_err().to_string();
        assert!(error.contains("no folder `no/such/folder`"), "{error}");
    }
}
