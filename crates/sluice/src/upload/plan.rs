//! What an upload will send, and what is wrong with it. Everything is looked at before the first file is sent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use lambda_support::log::escape;
use lambda_support::names::MAX_KEY;

use crate::files::{Listed, is_json, listed, regular, shown};
use crate::report::message;

/// As many problems of local files are named.
const MAX_PROBLEMS: usize = 20;

/// A file and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Where it is.
    pub path: PathBuf,
    /// Its key in the processing bucket.
    pub key: String,
}

/// What is wrong with a path that was named: in the words of the first upload tool, and in a second sentence what to do.
pub fn problem(path: &Path) -> Option<String> {
    let name = shown(path);
    match path.try_exists() {
        Err(error) => return Some(format!("cannot read `{name}`: {error}")),
        Ok(false) if path.as_os_str() == "-" => {
            return Some(format!("File not found: {name}. Standard input is not read: name a file or a folder."));
        }
        Ok(false) if path.is_symlink() => {
            return Some(format!("File not found: {name}. It is a link to something that does not exist."));
        }
        Ok(false) => return Some(format!("File not found: {name}")),
        Ok(true) => {}
    }
    if let Err(error) = regular(path) {
        return Some(message(&error));
    }
    let named = path.is_dir() || is_json(path);
    (!named).then(|| {
        format!("Path {name} does not produce a JSON file. Its name has to end in `.json`: rename it if it holds JSON.")
    })
}

/// Every file with its key, so that nothing is sent when one of them cannot be.
///
/// # Errors
/// Everything that is wrong with them: what cannot be read, is above the deployment's `limit` in bytes, cannot be a key
/// or would take the key of another.
pub fn plan(paths: &[PathBuf], prefix: &str, limit: u64) -> anyhow::Result<Vec<Planned>> {
    let (mut planned, mut problems) = (BTreeMap::<String, PathBuf>::new(), Vec::new());
    let mut order = Vec::new();
    let files = paths.iter().flat_map(|root| listed(root).map(move |f| (root, f)));
    for (root, file) in files {
        let file = match file.and_then(|f| Ok((key_of(root, &f.path, prefix)?, f))) {
            Ok(found) => found,
            Err(error) => {
                problems.push(message(&error));
                continue;
            }
        };
        let (key, Listed { path, size }) = file;
        let name = shown(&path);
        if size > limit {
            problems.push(format!(
                "`{name}` has {size} bytes; this deployment takes at most {limit} (`ingest.max_object_mib`)"
            ));
            continue;
        }
        match planned.get(&key) {
            None => {
                planned.insert(key.clone(), path.clone());
                order.push(Planned { path, key });
            }
            Some(first) if same_file(first, &path) => {}
            Some(first) => problems.push(format!(
                "`{}` and `{name}` would both become the key `{}`: upload them with different --prefix, or a folder that holds both",
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
    let whole = |path: &Path| path.canonicalize().ok();
    a == b || whole(a).is_some_and(|a| whole(b) == Some(a))
}

/// The deployment's prefix and the wanted one below it; both end in a slash or are empty.
pub fn prefix(deployment: &str, wanted: &str) -> String {
    let wanted = wanted.trim_start_matches('/');
    let slash = if wanted.is_empty() || wanted.ends_with('/') { "" } else { "/" };
    let wanted = format!("{wanted}{slash}");
    if wanted.starts_with(deployment) { wanted } else { format!("{deployment}{wanted}") }
}

/// The key of a file of a named path: its base name, or its path below a folder.
fn key_of(root: &Path, path: &Path, prefix: &str) -> anyhow::Result<String> {
    let relative = if root.is_dir() { path.strip_prefix(root).ok() } else { path.file_name().map(Path::new) };
    key(prefix, relative.unwrap_or(path))
}

fn key(prefix: &str, relative: &Path) -> anyhow::Result<String> {
    let name = shown(relative);
    let mut parts = Vec::new();
    for part in relative.components() {
        let text = part.as_os_str().to_str();
        let text = text.with_context(|| format!("`{name}` is not a UTF-8 name, which a key has to be: rename it"))?;
        parts.push(text);
    }
    let key = format!("{prefix}{}", parts.join("/"));
    if key.len() > MAX_KEY {
        bail!("`{name}` would have a key of {} bytes; S3 takes {MAX_KEY}", key.len());
    }
    if key.starts_with("_sluice/") {
        bail!("`{name}` would go to `_sluice/`, which is the project's own folder: choose another --prefix");
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_made_whole() {
        for (deployment, wanted, expected) in
            [("", "", ""), ("", "a", "a/"), ("in/", "", "in/"), ("in/", "2026/", "in/2026/"), ("in/", "/in/x", "in/x/")]
        {
            assert_eq!(prefix(deployment, wanted), expected);
        }
    }

    /// 003.21: a file's key is its base name, a folder's are the relative paths of its JSON files.
    #[test]
    fn keys_follow_paths() {
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

    /// 003.21: the messages of the first tool, its missing `not` put in.
    #[test]
    fn what_cannot_be_uploaded_is_said_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("a.txt");
        std::fs::write(&text, "").unwrap();
        let shown = text.display();
        assert_eq!(
            problem(&text),
            Some(format!(
                "Path {shown} does not produce a JSON file. Its name has to end in `.json`: rename it if it holds JSON."
            ))
        );
        assert_eq!(problem(Path::new("no.json")), Some("File not found: no.json".into()));
        assert_eq!(problem(folder.path()), None);
    }

    #[test]
    fn files_that_would_take_one_key_are_refused_together() {
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
    fn a_device_is_no_file_and_a_name_is_escaped() {
        let device = problem(Path::new("/dev/null")).unwrap();
        assert_eq!(device, "`/dev/null` is a device, not a file");
        let hostile = problem(Path::new("a\u{1b}[2K\nb.json")).unwrap();
        assert_eq!(hostile, "File not found: a\\u{1b}[2K\\nb.json");
    }

    /// On Linux, where a file may have any name.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_cannot_be_sent_is_refused_before_the_first_is() {
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
            "large.json` has 11 bytes; this deployment takes at most 10",
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
    fn keys_that_cannot_be_are_refused() {
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
            text.push_str(&format!("{}\n", problem(&path).unwrap()));
        }
        text.push_str(&format!("{:#}\n", plan(&[at("x"), at("y")], "", 10).unwrap_err()));
        text.push_str(&format!("{:#}\n", plan(&[folder.path().into()], "", 10).unwrap_err()));
        text.push_str(&format!("{:#}\n", key("", Path::new(&"x".repeat(1025))).unwrap_err()));
        text.push_str(&format!("{:#}\n", key("_sluice/", Path::new("x.json")).unwrap_err()));
        let text = text.replace(&*folder.path().to_string_lossy(), "DIR").replace(&"x".repeat(1025), "LONG");
        crate::report::testing::assert_text("upload-problems", text);
    }
}
