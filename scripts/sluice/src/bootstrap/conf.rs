//! `backend.conf`: what `terraform init -backend-config` reads.

use std::path::Path;

use anyhow::Context;
use serde_json::json;

use super::{Bootstrap, Settings};
use crate::report::Report;

/// Writes the file, or finds that it says the same; `false` if it says something else and stays.
///
/// # Errors
/// When it cannot be read or written.
pub fn ensure(
    args: &Bootstrap,
    bucket: &str,
    settings: &Settings,
    report: &Report,
) -> anyhow::Result<bool> {
    let path = &args.backend_conf;
    let shown = path.display();
    let wanted = [
        ("bucket", bucket),
        ("key", &settings.state_key),
        ("region", &settings.region),
    ];
    let json = |result: &str| json!({"file": path, "result": result});
    match read(path)? {
        Some(text) if says(&text, &wanted) => {
            report.line(
                format_args!("{shown} says so already"),
                &json("there already"),
            );
            Ok(true)
        }
        Some(_) if !args.overwrite => {
            report.line(
                format_args!("{shown} says something else and was left alone; --overwrite replaces it by\n{}", text(&wanted)),
                &json("left alone"),
            );
            Ok(false)
        }
        _ => {
            std::fs::write(path, text(&wanted))
                .with_context(|| format!("cannot write `{shown}`"))?;
            report.line(
                format_args!(
                    "{shown} written: terraform -chdir=terraform init -backend-config=../{shown}"
                ),
                &json("written"),
            );
            Ok(true)
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

fn text(wanted: &[(&str, &str)]) -> String {
    wanted
        .iter()
        .map(|(name, value)| format!("{name:<6} = \"{value}\"\n"))
        .collect()
}

/// Whether the file sets each of these to this; what else it sets is the user's.
fn says(text: &str, wanted: &[(&str, &str)]) -> bool {
    let set = |name: &str| {
        text.lines().find_map(|line| {
            let (left, right) = line.split_once('=')?;
            let right = right.trim().strip_prefix('"')?;
            (left.trim() == name).then(|| right.split('"').next().unwrap_or_default())
        })
    };
    wanted.iter().all(|(name, value)| set(name) == Some(*value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_writes_it_knows_again() {
        let wanted = [("bucket", "b"), ("key", "k/dev.tfstate"), ("region", "r")];
        let written = text(&wanted);
        assert_eq!(
            written,
            "bucket = \"b\"\nkey    = \"k/dev.tfstate\"\nregion = \"r\"\n"
        );
        assert!(says(&written, &wanted));
        assert!(says(
            &format!("# mine\n{written}profile = \"x\"\n"),
            &wanted
        ));
        assert!(!says(&written, &[("bucket", "other")]) && !says("", &wanted));
    }
}
