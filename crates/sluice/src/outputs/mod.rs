//! The names of a deployment, from Terraform's outputs.

mod terraform;

use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use provenance::watched::WatchedBucket;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::local_files::{read_limited, shown};

/// The limit on an outputs file, in bytes.
const MAX_OUTPUTS: u64 = 16 * 1024 * 1024;

/// Where to read the outputs from.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct OutputsArgs {
    /// Read the outputs from FILE, as printed by `terraform output -json`, instead of running Terraform
    #[arg(long, global = true, value_name = "FILE", env = "SLUICE_OUTPUTS")]
    pub(crate) outputs: Option<PathBuf>,
    /// The Terraform root module in which to run `terraform output`
    #[arg(long, global = true, value_name = "DIR", default_value = "terraform")]
    pub(crate) terraform: PathBuf,
}

/// The region and the resource names of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Outputs {
    pub(crate) region: String,
    ingest: Option<Ingest>,
    provenance: Option<Provenance>,
}

/// A system of a deployment, which can be on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum System {
    /// Stores files as items or quarantines them
    Ingest,
    /// Writes receipts of object versions
    Provenance,
}

impl System {
    /// The name of its Terraform variable and output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Provenance => "provenance",
        }
    }
}

impl Outputs {
    /// # Errors
    /// If the ingest is off.
    pub(crate) fn ingest(&self) -> anyhow::Result<&Ingest> {
        self.ingest.as_ref().ok_or_else(|| system_off_error(System::Ingest))
    }

    /// # Errors
    /// If provenance is off.
    pub(crate) fn provenance(&self) -> anyhow::Result<&Provenance> {
        let provenance = self.provenance.as_ref();
        provenance.ok_or_else(|| system_off_error(System::Provenance))
    }

    /// # Errors
    /// If the system is off.
    pub(crate) fn queues(&self, system: System) -> anyhow::Result<SystemQueues<'_>> {
        let (function, queue, events, messages) = match system {
            System::Ingest => {
                let names = self.ingest()?;
                (&names.function, &names.queue_url, &names.event_dead_letter_url, &names.queue_dead_letter_url)
            }
            System::Provenance => {
                let names = self.provenance()?;
                (&names.function, &names.queue_url, &names.event_dead_letter_url, &names.queue_dead_letter_url)
            }
        };
        Ok(SystemQueues { function, queue_url: queue, event_dead_letter_url: events, queue_dead_letter_url: messages })
    }

    /// The bucket that sends events to a system; of several, the data bucket.
    ///
    /// # Errors
    /// If the system is off.
    pub(crate) fn source_bucket(&self, system: System) -> anyhow::Result<&str> {
        Ok(match system {
            System::Ingest => &self.ingest()?.processing_bucket,
            System::Provenance => &self.provenance()?.data_bucket,
        })
    }

    /// The system that commands use by default: the ingest, if it is on.
    pub(crate) fn default_system(&self) -> System {
        match self.ingest {
            Some(_) => System::Ingest,
            None => System::Provenance,
        }
    }
}

/// The function of a system and the queues that its events pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SystemQueues<'a> {
    pub(crate) function: &'a str,
    pub(crate) queue_url: &'a str,
    /// Events that EventBridge could not deliver to the queue.
    pub(crate) event_dead_letter_url: &'a str,
    /// Messages that the function failed to process.
    pub(crate) queue_dead_letter_url: &'a str,
}

fn system_off_error(system: System) -> anyhow::Error {
    let name = system.name();
    anyhow!("the {name} is off in this deployment: set `{name} = {{}}` in terraform.tfvars and apply")
}

/// The output of the provenance module.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Provenance {
    pub(crate) data_bucket: String,
    pub(crate) watched: Vec<WatchedBucket>,
    /// The bucket of receipts, operator records, the journal and the ledger.
    pub(crate) receipts_bucket: String,
    pub(crate) queue_url: String,
    pub(crate) event_dead_letter_url: String,
    pub(crate) queue_dead_letter_url: String,
    pub(crate) function: String,
    /// The ARN of the alias of the KMS key that signs manifests.
    pub(crate) signing_key: String,
    /// The KMS key of the data bucket; `None` with SSE-S3.
    #[serde(default)]
    pub(crate) key_arn: Option<String>,
    pub(crate) trail_bucket: String,
    /// The prefix of the trail's log files.
    pub(crate) trail_prefix: String,
    #[serde(default)]
    pub(crate) uploader_role_arn: Option<String>,
    #[serde(default)]
    pub(crate) auditor_role_arn: Option<String>,
    #[serde(default)]
    pub(crate) operator_role_arn: Option<String>,
}

/// The output of the ingest module.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Ingest {
    pub(crate) processing_bucket: String,
    pub(crate) quarantine_bucket: String,
    /// The function processes only keys under it; empty, or ends in a slash.
    pub(crate) prefix: String,
    pub(crate) table: String,
    pub(crate) hash_key: String,
    /// Empty if the table has no sort key.
    #[serde(default)]
    pub(crate) range_key: Option<String>,
    pub(crate) queue_url: String,
    pub(crate) event_dead_letter_url: String,
    pub(crate) queue_dead_letter_url: String,
    pub(crate) function: String,
    pub(crate) topic_arn: String,
    #[serde(default)]
    pub(crate) uploader_role_arn: Option<String>,
    #[serde(default)]
    pub(crate) operator_role_arn: Option<String>,
    pub(crate) schema_sha256: String,
    /// In the processing bucket.
    pub(crate) schema_key: String,
    pub(crate) max_object_bytes: u64,
    /// Whether ItemID must be derived from EntityType and Title.
    #[serde(default)]
    pub(crate) check_item_id: bool,
    /// The outcomes that send a notice.
    #[serde(default)]
    pub(crate) notify_on: Vec<String>,
}

impl Ingest {
    /// The sort key, if the table has one.
    pub(crate) fn range_key(&self) -> Option<&str> {
        self.range_key.as_deref().filter(|name| !name.is_empty())
    }
}

impl OutputsArgs {
    /// Reads the outputs from the file or from Terraform.
    ///
    /// # Errors
    /// If they cannot be read or are incomplete.
    pub(crate) fn read(&self) -> anyhow::Result<Outputs> {
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

fn parse(text: &str, source: &str) -> anyhow::Result<Outputs> {
    let all: Value = serde_json::from_str(text)
        .with_context(|| format!("{source} is not valid JSON: use the output of `terraform output -json`"))?;
    let value = |name: &str| {
        let output = all.get(name)?;
        Some(output.get("value").unwrap_or(output).clone())
    };
    let Some(deployment) = value("deployment") else {
        bail!("{source} has no output `deployment`: apply the root module of this repository first");
    };
    let region = deployment.get("region").and_then(Value::as_str).with_context(|| {
        format!("{source}: the output `deployment` has no region: apply the root module of this repository again")
    })?;
    Ok(Outputs {
        region: region.to_owned(),
        ingest: system_output(value("ingest"), System::Ingest, source)?,
        provenance: system_output(value("provenance"), System::Provenance, source)?,
    })
}

/// The output of a system; `None` if it is off.
fn system_output<T: DeserializeOwned>(value: Option<Value>, system: System, source: &str) -> anyhow::Result<Option<T>> {
    let Some(value) = value.filter(|v| !v.is_null()) else {
        return Ok(None);
    };
    let name = system.name();
    let names = serde_json::from_value(value).with_context(|| {
        format!("{source}: the output `{name}` is from another version of this repository: apply again")
    })?;
    Ok(Some(names))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    /// The names of an ingest.
    pub(crate) fn ingest() -> Ingest {
        let Value::Object(all) = document() else { unreachable!() };
        serde_json::from_value(all["ingest"]["value"].clone()).unwrap()
    }

    /// A deployment with both systems.
    pub(crate) fn outputs() -> Outputs {
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

    #[test]
    fn outputs_are_parsed_as_terraform_prints_them() {
        let outputs = parse(&document().to_string(), "x").unwrap();
        assert_eq!(outputs.region, "eu-central-1");
        let names = outputs.ingest().unwrap();
        assert_eq!(names.range_key(), None);
        assert_eq!(names.operator_role_arn.as_deref(), Some("arn"));
        assert_eq!(names.uploader_role_arn, None);
        let names = outputs.provenance().unwrap();
        assert_eq!(names.watched[0].prefixes, ["incoming/"]);
        assert_eq!(outputs.default_system(), System::Ingest);
    }

    #[test]
    fn errors_say_what_to_do() {
        let mut off = document();
        off["ingest"]["value"] = Value::Null;
        let mut old = document();
        old["ingest"]["value"].as_object_mut().unwrap().remove("queue_url");
        for (text, expected) in [
            ("{".to_owned(), "not valid JSON"),
            ("{}".to_owned(), "apply the root module"),
            (old.to_string(), "apply again"),
        ] {
            let error = format!("{:#}", parse(&text, "x").unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
        let outputs = parse(&off.to_string(), "x").unwrap();
        assert_eq!(outputs.default_system(), System::Provenance);
        let error = outputs.ingest().unwrap_err().to_string();
        assert!(error.contains("the ingest is off") && error.contains("`ingest = {}`"));
        let from = OutputsArgs { outputs: Some("no/such/file".into()), terraform: "terraform".into() };
        assert!(format!("{:#}", from.read().unwrap_err()).contains("terraform -chdir=terraform output -json"));
    }
}
