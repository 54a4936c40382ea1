//! Plans an upload: checks every file and determines its key before the first file is sent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use lambda_support::log::escape;
use sluice_types::keys::{MAX_KEY_BYTES, PROJECT_PREFIX};

use crate::local_files::{LocalFile, find_files, has_json_extension, regular_metadata, shown};
use crate::report::message;

/// The limit on the problems that are printed.
const MAX_PROBLEMS: usize = 20;

/// A file and its key in the processing bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlannedFile {
    pub(crate) path: PathBuf,
    pub(crate) key: String,
}

/// What is wrong with a path argument: the messages of the first upload tool, two lines for a missing file, then what to
/// do.
pub(super) fn path_problem(path: &Path) -> Option<String> {
    let name = shown(path);
    match path.try_exists() {
        Err(error) => return Some(format!("cannot read `{name}`: {error}")),
        Ok(false) => {
            let hint = match () {
                () if path.as_os_str() == "-" => " Standard input is not read: name a file or a folder.",
                () if path.is_symlink() => " It is a link to something that does not exist.",
                () => "",
            };
            return Some(format!("File not found: {name}\nPath {name} does not produce a JSON file.{hint}"));
        }
        Ok(true) => {}
    }
    if let Err(error) = regular_metadata(path) {
        return Some(message(&error));
    }
    let is_accepted = path.is_dir() || has_json_extension(path);
    (!is_accepted).then(|| {
        format!(
            "Path {name} does not produce a JSON file. Its name has to end in `.json`: rename it if it contains JSON."
        )
    })
}

/// The files at the paths, with their keys.
///
/// # Errors
/// All problems of the files: unreadable, larger than `limit` bytes, without a valid key, or with the key of another file.
pub(super) fn plan(paths: &[PathBuf], prefix: &str, limit: u64) -> anyhow::Result<Vec<PlannedFile>> {
    let (mut planned, mut problems) = (BTreeMap::<String, PathBuf>::new(), Vec::new());
    let mut order = Vec::new();
    let files = paths.iter().flat_map(|root| find_files(root).map(move |f| (root, f)));
    for (root, file) in files {
        let file = match file.and_then(|f| Ok((key_of(root, &f.path, prefix)?, f))) {
            Ok(found) => found,
            Err(error) => {
                problems.push(message(&error));
                continue;
            }
        };
        let (key, LocalFile { path, size }) = file;
        let name = shown(&path);
        if size > limit {
            problems.push(format!(
                "`{name}` has {size} bytes; this deployment accepts at most {limit} (`ingest.max_object_mib`)"
            ));
            continue;
        }
        match planned.get(&key) {
            None => {
                planned.insert(key.clone(), path.clone());
                order.push(PlannedFile { path, key });
            }
            Some(first) if same_file(first, &path) => {}
            Some(first) => problems.push(format!(
                "`{}` and `{name}` would both get the key `{}`: upload them with different values of --prefix, or upload a folder that contains both",
                shown(first),
                escape(&key)
            )),
        }
    }
    if problems.is_empty() {
        return Ok(order);
    }
    let more = problems.len().saturating_sub(MAX_PROBLEMS);
    problems.truncate(MAX_PROBLEMS);
    if more > 0 {
        problems.push(format!("and {more} more"));
    }
    bail!("{}\nNothing was uploaded.", problems.join("\n"))
}

fn same_file(a: &Path, b: &Path) -> bool {
    let canonical = |path: &Path| path.canonicalize().ok();
    a == b || canonical(a).is_some_and(|a| canonical(b) == Some(a))
}

/// The prefix argument below the deployment's prefix; empty, or ends in a slash.
pub(super) fn full_prefix(deployment: &str, argument: &str) -> String {
    let relative = argument.trim_start_matches('/');
    let slash = if relative.is_empty() || relative.ends_with('/') { "" } else { "/" };
    let prefix = format!("{relative}{slash}");
    if prefix.starts_with(deployment) { prefix } else { format!("{deployment}{prefix}") }
}

/// The key of a file found at `root`: its base name, or its path relative to the folder.
fn key_of(root: &Path, path: &Path, prefix: &str) -> anyhow::Result<String> {
    let relative = if root.is_dir() { path.strip_prefix(root).ok() } else { path.file_name().map(Path::new) };
    key(prefix, relative.unwrap_or(path))
}

fn key(prefix: &str, relative: &Path) -> anyhow::Result<String> {
    let name = shown(relative);
    let mut parts = Vec::new();
    for part in relative.components() {
        let text = part
            .as_os_str()
            .to_str()
            .with_context(|| format!("`{name}` is not a valid UTF-8 name, which a key must be: rename it"))?;
        parts.push(text);
    }
    let key = format!("{prefix}{}", parts.join("/"));
    if key.len() > MAX_KEY_BYTES {
        bail!("`{name}` would get a key of {} bytes; the limit of S3 is {MAX_KEY_BYTES}: use shorter names", key.len());
    }
    if key.starts_with(PROJECT_PREFIX) {
        bail!(
            "`{name}` would get a key under `{PROJECT_PREFIX}`, which is reserved for the deployment: use another --prefix"
        );
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_below_the_deployments() {
        for (deployment, argument, expected) in
            [("", "", ""), ("", "a", "a/"), ("in/", "", "in/"), ("in/", "2026/", "in/2026/"), ("in/", "/in/x", "in/x/")]
        {
            assert_eq!(full_prefix(deployment, argument), expected);
        }
    }

    #[test]
    fn keys_are_base_names_or_relative_paths() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("b/ü")).unwrap();
        for name in ["a.json", "b/ü/c d.JSON", "b/readme.txt"] {
            std::fs::write(at(name), "{}").unwrap();
        }
        let keys = |path: &Path| -> Vec<String> {
            let planned = plan(&[path.to_owned()], "in/", 10).unwrap();
            planned.into_iter().map(|p| p.key).collect()
        };
        assert_eq!(keys(folder.path()), ["in/a.json", "in/b/ü/c d.JSON"]);
        assert_eq!(keys(&at("b/ü/c d.JSON")), ["in/c d.JSON"]);
    }

    #[test]
    fn problems_begin_with_the_messages_of_the_first_tool() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("a.txt");
        std::fs::write(&text, "").unwrap();
        let shown = text.display();
        assert_eq!(
            path_problem(&text),
            Some(format!(
                "Path {shown} does not produce a JSON file. Its name has to end in `.json`: rename it if it contains JSON."
            ))
        );
        assert_eq!(
            path_problem(Path::new("no.json")),
            Some("File not found: no.json\nPath no.json does not produce a JSON file.".into())
        );
        assert_eq!(path_problem(folder.path()), None);
    }

    #[test]
    fn files_with_the_same_key_are_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["x", "y"] {
            std::fs::create_dir(at(name)).unwrap();
            std::fs::write(at(name).join("a.json"), "{}").unwrap();
        }
        let (one, two) = (at("x/a.json"), at("y/a.json"));
        let error = plan(&[one.clone(), two.clone()], "", 10).unwrap_err();
        let error = error.to_string();
        for path in [&one, &two] {
            assert!(error.contains(&*path.to_string_lossy()), "{error}");
        }
        assert_eq!(plan(&[one.clone(), one], "", 10).unwrap().len(), 1);
        assert_eq!(plan(&[folder.path().into()], "", 10).unwrap().len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_rejected_and_names_are_escaped() {
        let device = path_problem(Path::new("/dev/null")).unwrap();
        assert_eq!(device, "`/dev/null` is a device, not a file");
        let hostile = path_problem(Path::new("a\u{1b}[2K\nb.json")).unwrap();
        let shown = "a\\u{1b}[2K\\nb.json";
        assert_eq!(hostile, format!("File not found: {shown}\nPath {shown} does not produce a JSON file."));
    }

    /// Only Linux allows arbitrary bytes in a file name.
    #[cfg(target_os = "linux")]
    #[test]
    fn every_problem_is_reported_before_an_upload() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("large.json"), "12345678901").unwrap();
        std::os::unix::fs::symlink("nowhere", at("link.json")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("link.txt")).unwrap();
        std::os::unix::fs::symlink("/dev/null", at("device.json")).unwrap();
        let name = std::ffi::OsStr::from_bytes(b"\xff.json");
        std::fs::write(folder.path().join(name), "{}").unwrap();
        let error = plan(&[folder.path().into()], "", 10).unwrap_err();
        let error = error.to_string();
        for part in [
            "large.json` has 11 bytes; this deployment accepts at most 10",
            "link.json",
            "is a device",
            "UTF-8 name",
            "Nothing was uploaded",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(!error.contains("link.txt"), "{error}");
    }

    #[test]
    fn invalid_keys_are_rejected() {
        assert!(key("", Path::new(&"x".repeat(1025))).is_err());
        assert!(key("_sluice/", Path::new("x.json")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn text_of_every_problem() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["x", "y"] {
            std::fs::create_dir(at(name)).unwrap();
            std::fs::write(at(name).join("a.json"), "{}").unwrap();
        }
        std::fs::write(at("large.json"), "12345678901").unwrap();
        std::fs::write(at("a.txt"), "").unwrap();
        std::os::unix::fs::symlink("nowhere", at("link.json")).unwrap();
        std::os::unix::fs::symlink("/dev/null", at("device.json")).unwrap();
        std::os::unix::fs::symlink(folder.path(), at("loop")).unwrap();
        let mut text = String::new();
        for path in [at("nowhere.json"), at("a.txt"), at("link.json"), at("device.json"), "-".into()] {
            text.push_str(&format!("{}\n", path_problem(&path).unwrap()));
        }
        text.push_str(&format!("{:#}\n", plan(&[at("x"), at("y")], "", 10).unwrap_err()));
        text.push_str(&format!("{:#}\n", plan(&[folder.path().into()], "", 10).unwrap_err()));
        text.push_str(&format!("{:#}\n", key("", Path::new(&"x".repeat(1025))).unwrap_err()));
        text.push_str(&format!("{:#}\n", key("_sluice/", Path::new("x.json")).unwrap_err()));
        let text = text.replace(&*folder.path().to_string_lossy(), "DIR").replace(&"x".repeat(1025), "LONG");
        crate::report::testing::assert_text("upload-problems", text);
    }
}
