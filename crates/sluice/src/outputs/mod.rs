//! The names of a deployment, from Terraform's outputs.

mod selection;
mod terraform;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
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
    /// The deployment to use, where the configuration has several: the name of its output, or its key in `deployments`
    #[arg(long, global = true, value_name = "KEY", env = "SLUICE_DEPLOYMENT")]
    pub(crate) deployment: Option<String>,
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
    pub(crate) const ALL: [Self; 2] = [Self::Ingest, Self::Provenance];

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

    /// The bucket in which a system has folders, and their prefixes; `None` if the system is off.
    ///
    /// # Errors
    /// If the outputs are from a version without folders.
    pub(crate) fn folders(&self, system: System) -> anyhow::Result<Option<(&str, &[String])>> {
        let (bucket, folders) = match (system, &self.ingest, &self.provenance) {
            (System::Ingest, Some(names), _) => (&names.processing_bucket, &names.folders),
            (System::Provenance, _, Some(names)) => (&names.data_bucket, &names.folders),
            _ => return Ok(None),
        };
        let name = system.name();
        let folders = folders.as_deref().with_context(|| {
            format!("the outputs have no `{name}.folders`: run `terraform apply` of this version, then write the outputs again")
        })?;
        Ok(Some((bucket, folders)))
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
    anyhow!(
        "the {name} is off in this deployment: set `{name}` in the variables of the deployment (terraform/modules/{name}/README.md lists its attributes) and apply"
    )
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
    /// The folders of the data bucket, each ending in a slash; `None` in outputs of an older version.
    #[serde(default)]
    folders: Option<Vec<String>>,
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
    #[serde(default)]
    pub(crate) uploader_role_arn: Option<String>,
    #[serde(default)]
    pub(crate) operator_role_arn: Option<String>,
    /// In the processing bucket.
    pub(crate) schema_key: String,
    pub(crate) max_object_bytes: u64,
    /// Whether ItemID must be derived from EntityType and Title.
    #[serde(default)]
    pub(crate) check_item_id: bool,
    /// The folders of the processing bucket, each ending in a slash; `None` in outputs of an older version.
    #[serde(default)]
    folders: Option<Vec<String>>,
    /// The environment variables of each function; empty in outputs of an older version.
    #[serde(default)]
    environment: BTreeMap<String, BTreeMap<String, String>>,
}

impl Ingest {
    /// The sort key, if the table has one.
    pub(crate) fn range_key(&self) -> Option<&str> {
        self.range_key.as_deref().filter(|name| !name.is_empty())
    }

    /// The environment variables of the function.
    ///
    /// # Errors
    /// If the outputs are from a version that does not write them.
    pub(crate) fn environment(&self) -> anyhow::Result<&BTreeMap<String, String>> {
        self.environment.get(System::Ingest.name()).context(
            "the outputs have no `ingest.environment`: run `terraform apply` of this version, then write the outputs again",
        )
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
                parse(&String::from_utf8_lossy(&bytes), self.deployment.as_deref(), &format!("`{shown}`"))
            }
            None => {
                let text = terraform::output(&self.terraform)?;
                parse(&text, self.deployment.as_deref(), "`terraform output -json`")
            }
        }
    }
}

/// `wanted` is the key of one of several deployments.
fn parse(text: &str, wanted: Option<&str>, source: &str) -> anyhow::Result<Outputs> {
    let all: Value = serde_json::from_str(text)
        .with_context(|| format!("{source} is not valid JSON: use the output of `terraform output -json`"))?;
    let outputs = selection::select(&all, wanted, source)?;
    let value = |name: &str| outputs.get(name).cloned();
    let region =
        outputs.get("deployment").and_then(|d| d.get("region")).and_then(Value::as_str).with_context(|| {
            format!("{source}: the output `deployment` has no region: apply the root module of this repository again, or add the outputs in terraform/modules/deployment/README.md to your own")
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
        parsed(&document())
    }

    pub(crate) fn parsed(document: &Value) -> Outputs {
        parse(&document.to_string(), None, "x").unwrap()
    }

    pub(crate) fn document() -> Value {
        json!({
            "deployment": {"value": {"project": "sluice", "environment": "dev", "region": "eu-central-1", "account_id": "1"}},
            "ingest": {"value": {
                "processing_bucket": "in", "quarantine_bucket": "out", "prefix": "", "table": "items",
                "hash_key": "ArtistID", "range_key": "", "queue_url": "q", "event_dead_letter_url": "e",
                "queue_dead_letter_url": "d", "function": "f", "uploader_role_arn": null, "operator_role_arn": "arn",
                "schema_key": "_sluice/schema/00.json", "max_object_bytes": 10, "commands": {}, "something_new": 1,
                "folders": [], "environment": {"ingest": {
                    "PROCESSING_BUCKET": "in", "QUARANTINE_BUCKET": "out", "PREFIX": "", "TABLE": "items",
                    "HASH_KEY": "ArtistID", "RANGE_KEY": "", "SCHEMA_SHA256": "00", "CHECK_ITEM_ID": "false",
                    "MAX_OBJECT_BYTES": "10", "NOTIFY_ON": "invalid,too-large", "TOPIC_ARN": "t",
                }},
            }},
            "provenance": {"value": {
                "data_bucket": "raw", "prefixes": ["incoming/"], "watched": [{"bucket": "raw", "prefixes": ["incoming/"]}],
                "receipts_bucket": "receipts", "queue_url": "pq", "event_dead_letter_url": "pe",
                "queue_dead_letter_url": "pd", "function": "p", "signing_key": "k", "public_key_pem": "", "key_arn": null,
                "trail_bucket": "trail", "trail_prefix": "AWSLogs/1/CloudTrail/", "auditor_role_arn": "arn",
                "folders": ["incoming/", "test/"],
            }},
        })
    }

    #[test]
    fn outputs_are_parsed_as_terraform_prints_them() {
        let outputs = outputs();
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
            let error = format!("{:#}", parse(&text, None, "x").unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
        let outputs = parsed(&off);
        assert_eq!(outputs.default_system(), System::Provenance);
        let error = outputs.ingest().unwrap_err().to_string();
        assert!(error.contains("the ingest is off") && error.contains("set `ingest`"));
        let from =
            OutputsArgs { outputs: Some("no/such/file".into()), terraform: "terraform".into(), deployment: None };
        assert!(format!("{:#}", from.read().unwrap_err()).contains("terraform -chdir=terraform output -json"));
    }
    #[test]
    fn outputs_of_an_older_version_have_no_folders_and_no_environment() {
        let mut old = document();
        for name in ["folders", "environment"] {
            old["ingest"]["value"].as_object_mut().unwrap().remove(name);
        }
        let old = parsed(&old);
        for error in [old.folders(System::Ingest).unwrap_err(), old.ingest().unwrap().environment().unwrap_err()] {
            assert!(error.to_string().contains("run `terraform apply` of this version"), "{error}");
        }
        let outputs = outputs();
        assert_eq!(outputs.folders(System::Ingest).unwrap(), Some(("in", &[][..])));
        let folders = ["incoming/".to_owned(), "test/".to_owned()];
        assert_eq!(outputs.folders(System::Provenance).unwrap(), Some(("raw", &folders[..])));
    }
}
