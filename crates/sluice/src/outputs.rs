//! The names of a deployment, from Terraform's outputs.

mod terraform;

use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use provenance::watched::WatchedBucket as Watched;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::files::{read_limited, shown};

/// Outputs are small; more bytes than this are something else.
const MAX_OUTPUTS: u64 = 16 * 1024 * 1024;

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
    ingest: Option<Ingest>,
    provenance: Option<Provenance>,
}

/// A part of a deployment that can be on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum System {
    /// Files become items, or go to quarantine.
    Ingest,
    /// Object versions get receipts.
    Provenance,
}

impl System {
    /// Its name, which is its variable's and its output's.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Provenance => "provenance",
        }
    }
}

impl Outputs {
    /// The names of the ingest.
    ///
    /// # Errors
    /// When it is off.
    pub fn ingest(&self) -> anyhow::Result<&Ingest> {
        self.ingest.as_ref().ok_or_else(|| off(System::Ingest))
    }

    /// The names of the provenance.
    ///
    /// # Errors
    /// When it is off.
    pub fn provenance(&self) -> anyhow::Result<&Provenance> {
        let provenance = self.provenance.as_ref();
        provenance.ok_or_else(|| off(System::Provenance))
    }

    /// The queues of a system.
    ///
    /// # Errors
    /// When it is off.
    pub fn lane(&self, system: System) -> anyhow::Result<Lane<'_>> {
        let (function, queue, events, messages) = match system {
            System::Ingest => {
                let of = self.ingest()?;
                (&of.function, &of.queue_url, &of.event_dead_letter_url, &of.queue_dead_letter_url)
            }
            System::Provenance => {
                let of = self.provenance()?;
                (&of.function, &of.queue_url, &of.event_dead_letter_url, &of.queue_dead_letter_url)
            }
        };
        Ok(Lane { function, queue_url: queue, events_url: events, messages_url: messages })
    }

    /// The bucket whose events a system takes, or the first of them.
    ///
    /// # Errors
    /// When the system is off.
    pub fn bucket(&self, system: System) -> anyhow::Result<&str> {
        Ok(match system {
            System::Ingest => &self.ingest()?.processing_bucket,
            System::Provenance => &self.provenance()?.data_bucket,
        })
    }

    /// The system that is meant where none is named: the ingest, if it is on.
    #[must_use]
    pub fn usual(&self) -> System {
        match self.ingest {
            Some(_) => System::Ingest,
            None => System::Provenance,
        }
    }
}

/// What events of a system go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane<'a> {
    /// The function.
    pub function: &'a str,
    /// The queue of events.
    pub queue_url: &'a str,
    /// Events that did not reach the queue.
    pub events_url: &'a str,
    /// Messages that did not come to an end.
    pub messages_url: &'a str,
}

fn off(system: System) -> anyhow::Error {
    let name = system.name();
    anyhow!("the {name} is off in this deployment: set `{name} = {{}}` in terraform.tfvars and apply")
}

/// The names of a provenance, as its module puts them out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Provenance {
    /// Where files arrive.
    pub data_bucket: String,
    /// What is watched of which bucket.
    pub watched: Vec<Watched>,
    /// Where receipts, their journal and the ledger are.
    pub receipts_bucket: String,
    /// The queue of events.
    pub queue_url: String,
    /// Events that did not reach the queue.
    pub event_dead_letter_url: String,
    /// Messages that did not come to an end.
    pub queue_dead_letter_url: String,
    /// The function.
    pub function: String,
    /// The alias of the key that signs manifests, as an ARN.
    pub signing_key: String,
    /// The key that encrypts the data bucket; none where S3's own does.
    #[serde(default)]
    pub key_arn: Option<String>,
    /// Where the trail is.
    pub trail_bucket: String,
    /// What its logs' keys begin with.
    pub trail_prefix: String,
    /// The role that uploads, if anybody may assume one.
    #[serde(default)]
    pub uploader_role_arn: Option<String>,
    /// The role that verifies, if anybody may assume one.
    #[serde(default)]
    pub auditor_role_arn: Option<String>,
    /// The role that operates, if anybody may assume one.
    #[serde(default)]
    pub operator_role_arn: Option<String>,
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
                let shown = shown(path);
                let bytes = read_limited(path, MAX_OUTPUTS).with_context(|| {
                    format!(
                        "cannot read the outputs `{shown}`: write them with `terraform -chdir=terraform output -json > {shown}`"
                    )
                })?;
                parse(&String::from_utf8_lossy(&bytes), &format!("`{shown}`"))
            }
            None => parse(&terraform::output(&self.terraform)?, "`terraform output -json`"),
        }
    }
}

fn parse(text: &str, whose: &str) -> anyhow::Result<Outputs> {
    let all: Value = serde_json::from_str(text)
        .with_context(|| format!("{whose} is not JSON: it must be what `terraform output -json` prints"))?;
    let value = |name: &str| {
        let output = all.get(name)?;
        Some(output.get("value").unwrap_or(output).clone())
    };
    let Some(deployment) = value("deployment") else {
        bail!("{whose} has no output `deployment`: apply the root module of this repository first");
    };
    let region = deployment.get("region").and_then(Value::as_str);
    let region = region.with_context(|| format!("{whose}: `deployment` has no region"))?;
    Ok(Outputs {
        region: region.to_owned(),
        ingest: system(value("ingest"), System::Ingest, whose)?,
        provenance: system(value("provenance"), System::Provenance, whose)?,
    })
}

/// A system's names; none where it is off.
fn system<T: DeserializeOwned>(value: Option<Value>, system: System, whose: &str) -> anyhow::Result<Option<T>> {
    let Some(value) = value.filter(|v| !v.is_null()) else {
        return Ok(None);
    };
    let name = system.name();
    let names = serde_json::from_value(value).with_context(|| {
        format!("{whose}: the output `{name}` is of another version of this repository; apply again")
    })?;
    Ok(Some(names))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use serde_json::json;

    /// A whole set of names.
    pub fn ingest() -> Ingest {
        let Value::Object(all) = document() else { unreachable!() };
        serde_json::from_value(all["ingest"]["value"].clone()).unwrap()
    }

    /// A deployment with both systems.
    pub fn outputs() -> Outputs {
        parse(&document().to_string(), "x").unwrap()
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
            "provenance": {"value": {
                "data_bucket": "raw", "prefixes": ["incoming/"], "watched": [{"bucket": "raw", "prefixes": ["incoming/"]}],
                "receipts_bucket": "receipts", "queue_url": "pq", "event_dead_letter_url": "pe",
                "queue_dead_letter_url": "pd", "function": "p", "signing_key": "k", "public_key_pem": "", "key_arn": null,
                "trail_bucket": "trail", "trail_prefix": "AWSLogs/1/CloudTrail/", "auditor_role_arn": "arn",
            }},
        })
    }

    /// 003.24: Terraform's outputs are all the tool needs to know.
    #[test]
    fn outputs_are_read_as_terraform_prints_them() {
        let outputs = parse(&document().to_string(), "x").unwrap();
        assert_eq!(outputs.region, "eu-central-1");
        let names = outputs.ingest().unwrap();
        assert_eq!(names.range_key(), None);
        assert_eq!(names.operator_role_arn.as_deref(), Some("arn"));
        assert_eq!(names.uploader_role_arn, None);
        let names = outputs.provenance().unwrap();
        assert_eq!(names.watched[0].prefixes, ["incoming/"]);
        assert_eq!(outputs.usual(), System::Ingest);
    }

    #[test]
    fn what_is_missing_is_said_with_what_to_do() {
        let mut off = document();
        off["ingest"]["value"] = Value::Null;
        let mut old = document();
        old["ingest"]["value"].as_object_mut().unwrap().remove("queue_url");
        for (text, expected) in
            [("{".to_owned(), "not JSON"), ("{}".to_owned(), "apply the root module"), (old.to_string(), "apply again")]
        {
            let error = format!("{:#}", parse(&text, "x").unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
        let outputs = parse(&off.to_string(), "x").unwrap();
        assert_eq!(outputs.usual(), System::Provenance);
        let error = outputs.ingest().unwrap_err().to_string();
        assert!(error.contains("the ingest is off") && error.contains("`ingest = {}`"));
        let from = From { outputs: Some("no/such/file".into()), terraform: "terraform".into() };
        assert!(format!("{:#}", from.read().unwrap_err()).contains("terraform -chdir=terraform output -json"));
    }
}
