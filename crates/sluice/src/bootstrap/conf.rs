//! `backend.conf`: what `terraform init -backend-config` reads.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;

use super::consent::Difference;

/// What has to happen to the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// It sets each value to what is wanted.
    Same,
    /// It does not exist: this is written.
    Create(String),
    /// It sets other values: this is written if the user agrees.
    Change(Vec<Difference>, String),
}

/// Compares the file with the values that are wanted.
///
/// # Errors
/// When it cannot be read.
pub fn plan(path: &Path, wanted: &[(&str, &str)]) -> anyhow::Result<Plan> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(compare(&text, wanted)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let lines = wanted.iter().map(|(name, value)| line(name, value));
            Ok(Plan::Create(lines.collect()))
        }
        Err(error) => Err(error)
            .with_context(|| format!("cannot read `{}`: name another file with --backend-conf", path.display())),
    }
}

/// Writes the file as a whole: a run that is killed leaves the old one or the new one.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let failed = || format!("cannot write `{}`: name another file with --backend-conf", path.display());
    let mut name = path.file_name().with_context(failed)?.to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    std::fs::write(&new, text).with_context(failed)?;
    std::fs::rename(&new, path).with_context(failed)
}

fn line(name: &str, value: &str) -> String {
    format!("{name:<6} = \"{value}\"\n")
}

fn compare(text: &str, wanted: &[(&str, &str)]) -> Plan {
    let differences: Vec<Difference> = wanted
        .iter()
        .filter(|(name, value)| set(text, name) != Some(*value))
        .map(|(name, value)| Difference::new(name, set(text, name).unwrap_or("not set"), value))
        .collect();
    if differences.is_empty() { Plan::Same } else { Plan::Change(differences, changed(text, wanted)) }
}

/// What the file sets `name` to.
fn set<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (left, right) = line.split_once('=')?;
        let right = right.trim().strip_prefix('"')?;
        (left.trim() == name).then(|| right.split('"').next().unwrap_or_default())
    })
}

/// The text with these values set; every other line is the user's and stays.
fn changed(text: &str, wanted: &[(&str, &str)]) -> String {
    let is = |text: &str, name: &str| text.split_once('=').is_some_and(|(left, _)| left.trim() == name);
    let mut lines: Vec<String> = text
        .lines()
        .map(|old| {
            let new = wanted.iter().find(|(name, _)| is(old, name));
            new.map_or_else(|| format!("{old}\n"), |(name, value)| line(name, value))
        })
        .collect();
    for (name, value) in wanted {
        if !text.lines().any(|old| is(old, name)) {
            lines.push(line(name, value));
        }
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: [(&str, &str); 3] = [("bucket", "b"), ("key", "k/dev.tfstate"), ("region", "r")];
    const WRITTEN: &str = "bucket = \"b\"\nkey    = \"k/dev.tfstate\"\nregion = \"r\"\n";

    #[test]
    fn what_it_writes_it_recognises() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backend.conf");
        let Plan::Create(text) = plan(&path, &WANTED).unwrap() else {
            panic!("it does not exist");
        };
        assert_eq!(text, WRITTEN);
        write(&path, &text).unwrap();
        assert_eq!(plan(&path, &WANTED).unwrap(), Plan::Same);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(compare(&format!("# mine\n{WRITTEN}profile = \"x\"\n"), &WANTED), Plan::Same);
    }

    #[test]
    fn other_lines_of_the_user_stay() {
        let old = "# mine\nbucket=\"other\"\nprofile = \"x\"\nkey = \"k/dev.tfstate\"";
        let Plan::Change(differences, text) = compare(old, &WANTED) else {
            panic!("it says something else");
        };
        assert_eq!(differences, [Difference::new("bucket", "other", "b"), Difference::new("region", "not set", "r")]);
        assert_eq!(text, "# mine\nbucket = \"b\"\nprofile = \"x\"\nkey    = \"k/dev.tfstate\"\nregion = \"r\"\n");
        assert_eq!(compare(&text, &WANTED), Plan::Same);
    }

    #[test]
    fn text_of_a_changed_file() {
        let mut text = String::new();
        for old in [
            "",
            "# mine\nbucket=\"other\" # why\nprofile = \"x\"\n\nkey = \"k/dev.tfstate\"",
            "region = \"r\"\nbucket = \"b\"\nkey = \"other\"\n",
        ] {
            let Plan::Change(_, new) = compare(old, &WANTED) else {
                panic!("{old}");
            };
            text.push_str(&format!("--- old\n{old}\n--- new\n{new}\n"));
        }
        crate::report::testing::assert_text("bootstrap-backend-conf", text);
    }
}
