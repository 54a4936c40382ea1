//! `bootstrap --markers`: creates the folders of a deployment's buckets, which Terraform's outputs list.

use anyhow::bail;
use lambda_support::log::escape;
use serde_json::json;

use super::folder_markers;
use crate::aws::s3::Store;
use crate::aws::session::{Role, session};
use crate::globals::Globals;
use crate::outputs::{Outputs, System};
use crate::report::{ExitStatus, Report};

/// The folders of one system.
#[derive(Debug, PartialEq, Eq)]
struct SystemFolders<'a> {
    system: System,
    bucket: &'a str,
    keys: &'a [String],
}

pub(super) async fn create(globals: &Globals, report: &Report) -> anyhow::Result<ExitStatus> {
    let outputs = globals.outputs.read()?;
    for SystemFolders { system, bucket, keys } in folders(&outputs)? {
        if keys.is_empty() {
            report.line(
                format_args!("bucket {} has no folders: {} has no prefix", escape(bucket), system.name()),
                &json!({"bucket": bucket, "result": "no folders"}),
            );
            continue;
        }
        let config = session(&outputs, system, globals.role_or(Role::Caller)).await?;
        report.mark_changed();
        folder_markers::create(&Store::new(&config).s3, bucket, keys, report).await?;
    }
    Ok(ExitStatus::Success)
}

/// The folders of each system that is on.
///
/// # Errors
/// If the outputs do not list them, or list something that is not a folder.
fn folders(outputs: &Outputs) -> anyhow::Result<Vec<SystemFolders<'_>>> {
    let mut found = Vec::new();
    for system in System::ALL {
        let Some((bucket, keys)) = outputs.folders(system)? else { continue };
        if let Some(key) = keys.iter().find(|key| !key.ends_with('/') || key.starts_with('/')) {
            bail!(
                "`{}` in the output `{}.folders` is not a valid folder: it must end in `/` and not begin with it",
                escape(key),
                system.name()
            );
        }
        found.push(SystemFolders { system, bucket, keys });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::tests::{document, parsed};
    use serde_json::Value;

    #[test]
    fn each_system_that_is_on_has_its_folders() {
        let mut all = document();
        all["ingest"]["value"]["folders"] = json!(["in/"]);
        let outputs = parsed(&all);
        let found: Vec<_> = folders(&outputs).unwrap().into_iter().map(|f| (f.bucket, f.keys.join(" "))).collect();
        assert_eq!(found, [("in", "in/".to_owned()), ("raw", "incoming/ test/".to_owned())]);
        all["ingest"]["value"] = Value::Null;
        assert_eq!(folders(&parsed(&all)).unwrap().len(), 1);
    }

    #[test]
    fn only_folders_are_accepted() {
        for key in ["", "/", "test", "/test/"] {
            let mut all = document();
            all["provenance"]["value"]["folders"] = json!([key]);
            let error = folders(&parsed(&all)).unwrap_err().to_string();
            assert!(error.contains(&format!("`{key}` in the output `provenance.folders`")), "{error}");
        }
    }
}
