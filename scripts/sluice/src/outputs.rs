//! The names of a deployment, from Terraform's outputs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;

/// Where the outputs come from.
#[derive(Debug, Clone, clap::Args)]
pub struct From {
    /// Read names from FILE, as `terraform output -json` prints them; without it, Terraform is asked
    #[arg(long, global = true, value_name = "FILE", env = "SLUICE_OUTPUTS")]
    pub outputs: Option<PathBuf>,
    /// Terraform's root folder, where the outputs are asked for
    #[arg(long, global = true, value_name = "DIR", default_value = "terraform")]
    pub terraform: PathBuf,
}

/// What a deployment is called and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Outputs {
    /// Its region.
    pub region: String,
    /// Its ingest.
    pub ingest: Ingest,
}

/// The names of an ingest, as its module puts them out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Ingest {
    /// Where files arrive.
    pub processing_bucket: String,
    /// Where refused versions are.
    pub quarantine_bucket: String,
    /// Only keys under it are taken; empty or ending in a slash.
    pub prefix: String,
    /// The items.
    pub table: String,
    /// Its partition key.
    pub hash_key: String,
    /// Its sort key; empty if it has none.
    #[serde(default)]
    pub range_key: Option<String>,
    /// The queue of events.
    pub queue_url: String,
    /// Events that did not reach the queue.
    pub event_dead_letter_url: String,
    /// Messages that did not come to an end.
    pub queue_dead_letter_url: String,
    /// The function.
    pub function: String,
    /// Where people are told.
    pub topic_arn: String,
    /// The role that uploads, if anybody may assume one.
    #[serde(default)]
    pub uploader_role_arn: Option<String>,
    /// The role that operates, if anybody may assume one.
    #[serde(default)]
    pub operator_role_arn: Option<String>,
    /// The schema's hash.
    pub schema_sha256: String,
    /// The schema's key in the processing bucket.
    pub schema_key: String,
    /// Larger objects are invalid.
    pub max_object_bytes: u64,
    /// Whether the ItemID must follow from type and title.
    #[serde(default)]
    pub check_item_id: bool,
    /// The ends people are told of.
    #[serde(default)]
    pub notify_on: Vec<String>,
}

impl Ingest {
    /// The sort key, if the table has one.
    #[must_use]
    pub fn range_key(&self) -> Option<&str> {
        self.range_key.as_deref().filter(|name| !name.is_empty())
    }
}

impl From {
    /// Reads the outputs.
    ///
    /// # Errors
    /// When they cannot be had or lack something; the message says what to do.
    pub fn read(&self) -> anyhow::Result<Outputs> {
        match &self.outputs {
            Some(path) => {
                let text = std::fs::read_to_string(path).with_context(|| {
                    format!(
                        "cannot read the outputs `{}`: write them with `terraform -chdir=terraform output -json > {0}`",
                        path.display()
                    )
                })?;
                parse(&text, &format!("`{}`", path.display()))
            }
            None => parse(&ask(&self.terraform)?, "`terraform output -json`"),
        }
    }
}

fn ask(folder: &Path) -> anyhow::Result<String> {
    let advice = "apply first (`terraform -chdir=terraform apply`), run from the root of the repository, or name a file with --outputs";
    let chdir = format!("-chdir={}", folder.display());
    let answer = Command::new("terraform")
        .args([&chdir, "output", "-json"])
        .output()
        .with_context(|| format!("cannot run terraform to ask for the outputs: {advice}"))?;
    if !answer.status.success() {
        let why = String::from_utf8_lossy(&answer.stderr);
        bail!(
            "terraform has no outputs in `{}`: {advice}\n{}",
            folder.display(),
            why.trim()
        );
    }
    Ok(String::from_utf8_lossy(&answer.stdout).into_owned())
}

fn parse(text: &str, whose: &str) -> anyhow::Result<Outputs> {
    let all: Value = serde_json::from_str(text).with_context(|| {
        format!("{whose} is not JSON: it must be as `terraform output -json` prints")
    })?;
    let value = |name: &str| {
        let output = all.get(name)?;
        Some(output.get("value").unwrap_or(output).clone())
    };
    let (Some(deployment), Some(ingest)) = (value("deployment"), value("ingest")) else {
        bail!(
            "{whose} has no outputs `deployment` and `ingest`: apply the root module of this repository first"
        );
    };
    if ingest.is_null() {
        bail!(
            "the ingest is off in this deployment: set `ingest = {{}}` in terraform.tfvars and apply"
        );
    }
    let region = deployment.get("region").and_then(Value::as_str);
    let region = region.with_context(|| format!("{whose}: `deployment` has no region"))?;
    let ingest = serde_json::from_value(ingest).with_context(|| {
        format!(
            "{whose}: the output `ingest` is of another version of this repository; apply again"
        )
    })?;
    Ok(Outputs {
        region: region.to_owned(),
        ingest,
    })
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use serde_json::json;

    /// A whole set of names.
    pub fn ingest() -> Ingest {
        let Value::Object(all) = document() else {
            unreachable!()
        };
        serde_json::from_value(all["ingest"]["value"].clone()).unwrap()
    }

    fn document() -> Value {
        json!({
            "deployment": {"value": {"project": "sluice", "environment": "dev", "region": "eu-central-1", "account_id": "1"}},
            "ingest": {"value": {
                "processing_bucket": "in", "quarantine_bucket": "out", "prefix": "", "table": "items",
                "hash_key": "ArtistID", "range_key": "", "queue_url": "q", "event_dead_letter_url": "e",
                "queue_dead_letter_url": "d", "function": "f", "topic_arn": "t", "uploader_role_arn": null,
                "operator_role_arn": "arn", "schema_sha256": "00", "schema_key": "_sluice/schema/00.json",
                "max_object_bytes": 10, "commands": {}, "something_new": 1,
            }},
        })
    }

    /// 003.24: Terraform's outputs are all the tool needs to know.
    #[test]
    fn outputs_are_read_as_terraform_prints_them() {
        let outputs = parse(&document().to_string(), "x").unwrap();
        assert_eq!(outputs.region, "eu-central-1");
        assert_eq!(outputs.ingest.range_key(), None);
        assert_eq!(outputs.ingest.operator_role_arn.as_deref(), Some("arn"));
        assert_eq!(outputs.ingest.uploader_role_arn, None);
    }

    #[test]
    fn what_is_missing_is_said_with_what_to_do() {
        let mut off = document();
        off["ingest"]["value"] = Value::Null;
        let mut old = document();
        old["ingest"]["value"]
            .as_object_mut()
            .unwrap()
            .remove("queue_url");
        for (text, expected) in [
            ("{".to_owned(), "not JSON"),
            ("{}".to_owned(), "apply the root module"),
            (off.to_string(), "the ingest is off"),
            (old.to_string(), "apply again"),
        ] {
            let error = format!("{:#}", parse(&text, "x").unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
        let from = From {
            outputs: Some("no/such/file".into()),
            terraform: "terraform".into(),
        };
        assert!(
            format!("{:#}", from.read().unwrap_err())
                .contains("terraform -chdir=terraform output -json")
        );
    }
}
