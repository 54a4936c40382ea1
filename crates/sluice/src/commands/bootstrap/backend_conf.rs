//! Reads, compares and writes `backend.conf`, the file for `terraform init -backend-config`.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;
use hcl_edit::Decorate;
use hcl_edit::expr::Expression;
use hcl_edit::structure::Body;

use super::confirmation::Difference;

/// What to do with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BackendConfPlan {
    /// It has the wanted values.
    Unchanged,
    /// It does not exist; its new text.
    Create(String),
    /// It has other values; the differences and its new text, to be written after confirmation.
    Change(Vec<Difference>, String),
}

/// Compares the file with the wanted values.
///
/// # Errors
/// If it cannot be read or is not valid HCL.
pub(super) fn plan(path: &Path, wanted: &[(&str, &str)]) -> anyhow::Result<BackendConfPlan> {
    match std::fs::read_to_string(path) {
        Ok(text) => compare(&text, wanted).with_context(|| {
            format!(
                "`{}` is not a valid backend configuration: fix it, or name another file with --backend-conf",
                path.display()
            )
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let lines = wanted.iter().map(|(name, value)| line(name, value));
            Ok(BackendConfPlan::Create(lines.collect()))
        }
        Err(error) => Err(error)
            .with_context(|| format!("cannot read `{}`: name another file with --backend-conf", path.display())),
    }
}

/// Replaces the file atomically.
pub(super) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let failure = || format!("cannot write `{}`: name another file with --backend-conf", path.display());
    let mut name = path.file_name().with_context(failure)?.to_owned();
    name.push(".new");
    let new_path = path.with_file_name(name);
    std::fs::write(&new_path, text).with_context(failure)?;
    std::fs::rename(&new_path, path).with_context(failure)
}

fn line(name: &str, value: &str) -> String {
    format!("{name:<6} = \"{value}\"\n")
}

fn compare(text: &str, wanted: &[(&str, &str)]) -> anyhow::Result<BackendConfPlan> {
    let mut body: Body = text.parse()?;
    let differences: Vec<Difference> = wanted
        .iter()
        .filter(|(name, value)| current_value(&body, name) != Some(*value))
        .map(|(name, value)| Difference::new(name, current_value(&body, name).unwrap_or("not set"), value))
        .collect();
    if differences.is_empty() {
        return Ok(BackendConfPlan::Unchanged);
    }
    let mut additions = String::new();
    for (name, value) in wanted {
        match body.get_attribute_mut(name) {
            Some(mut attribute) => set_value(attribute.value_mut(), value),
            None => additions.push_str(&line(name, value)),
        }
    }
    let mut new_text = body.to_string();
    if !new_text.is_empty() && !new_text.ends_with('\n') {
        new_text.push('\n');
    }
    Ok(BackendConfPlan::Change(differences, new_text + &additions))
}

/// The string that an attribute is set to.
fn current_value<'a>(body: &'a Body, name: &str) -> Option<&'a str> {
    body.get_attribute(name).and_then(|attribute| attribute.value.as_str())
}

/// Sets a value and keeps the spaces and the comment next to it.
fn set_value(expression: &mut Expression, value: &str) {
    let decor = expression.decor().clone();
    *expression = Expression::from(value);
    *expression.decor_mut() = decor;
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: [(&str, &str); 3] = [("bucket", "b"), ("key", "k/dev.tfstate"), ("region", "r")];
    const WRITTEN: &str = "bucket = \"b\"\nkey    = \"k/dev.tfstate\"\nregion = \"r\"\n";

    #[test]
    fn a_written_file_is_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backend.conf");
        let BackendConfPlan::Create(text) = plan(&path, &WANTED).unwrap() else {
            panic!("it does not exist");
        };
        assert_eq!(text, WRITTEN);
        write(&path, &text).unwrap();
        assert_eq!(plan(&path, &WANTED).unwrap(), BackendConfPlan::Unchanged);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(
            compare(&format!("# mine\n{WRITTEN}profile = \"x\"\n"), &WANTED).unwrap(),
            BackendConfPlan::Unchanged
        );
    }

    #[test]
    fn other_lines_and_comments_are_kept() {
        let old = "# mine\nbucket=\"other\"\nprofile = \"x\"\nkey = \"k/dev.tfstate\"";
        let BackendConfPlan::Change(differences, text) = compare(old, &WANTED).unwrap() else {
            panic!("no difference was found");
        };
        assert_eq!(differences, [Difference::new("bucket", "other", "b"), Difference::new("region", "not set", "r")]);
        assert_eq!(text, "# mine\nbucket=\"b\"\nprofile = \"x\"\nkey = \"k/dev.tfstate\"\nregion = \"r\"\n");
        assert_eq!(compare(&text, &WANTED).unwrap(), BackendConfPlan::Unchanged);
    }

    #[test]
    fn text_of_a_changed_file() {
        let mut text = String::new();
        for old in [
            "",
            "# mine\nbucket=\"other\" # why\nprofile = \"x\"\n\nkey = \"k/dev.tfstate\"",
            "region = \"r\"\nbucket = \"b\"\nkey = \"other\"\n",
        ] {
            let BackendConfPlan::Change(_, new) = compare(old, &WANTED).unwrap() else {
                panic!("{old}");
            };
            text.push_str(&format!("--- old\n{old}\n--- new\n{new}\n"));
        }
        crate::report::testing::assert_text("bootstrap-backend-conf", text);
    }
}
