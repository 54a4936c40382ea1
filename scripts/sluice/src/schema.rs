//! `schema check`: what the pipeline would say of a file, before anybody uploads it.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ingest::judge::Rules;
use ingest::record::{Problem, Source};
use ingest::schema::Schema as Compiled;
use kit::log::escape;
use kit::names::hex;
use serde_json::json;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use crate::aws::{Role, session};
use crate::cli::Shared;
use crate::outputs::System;
use crate::report::{Ended, Report};
use crate::store::Store;
use crate::time::{now, rfc3339};
use crate::upload::is_json;

/// A schema is small; more than this is not one.
const MAX_SCHEMA: u64 = 4 * 1024 * 1024;

/// Works with the schema of the items
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice schema check 4evr.json")]
pub struct Schema {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(Check),
}

/// Says what is wrong with files, by the rules of the pipeline
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice schema check albums/
  sluice schema check 4evr.json --schema terraform/modules/ingest/music-item.schema.json

Without --schema, the deployed schema is read. With it, nothing of AWS is needed.
Exit code: 0 all valid, 1 some are not, 2 a file or the schema cannot be read.")]
struct Check {
    /// Files, and folders whose .json files are meant
    #[arg(required = true, value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// Judge by this schema, without a deployment
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// The table's partition key, with --schema
    #[arg(
        long,
        default_value = "ArtistID",
        requires = "schema",
        value_name = "NAME"
    )]
    hash_key: String,
    /// The table's sort key, with --schema; "" = none
    #[arg(
        long,
        default_value = "ItemID",
        requires = "schema",
        value_name = "NAME"
    )]
    range_key: String,
    /// Also demand that ItemID follows from EntityType and Title, with --schema
    #[arg(long, requires = "schema")]
    check_item_id: bool,
    /// The most bytes a file may have, with --schema
    #[arg(long, default_value_t = 10 * 1024 * 1024, requires = "schema", value_name = "BYTES")]
    max_bytes: u64,
}

/// By what files are judged.
struct Judge {
    rules: Rules,
    max_bytes: u64,
}

/// Runs the command.
///
/// # Errors
/// When the schema or a file cannot be read.
pub async fn run(shared: &Shared, args: &Schema, report: &mut Report) -> anyhow::Result<Ended> {
    let Command::Check(args) = &args.command;
    let judge = match &args.schema {
        Some(path) => local(args, path)?,
        None => deployed(shared).await?,
    };
    let (mut valid, mut invalid) = (0_u64, 0_u64);
    for file in args.paths.iter().flat_map(|p| files(p)) {
        let problems = judge.problems(&file?, report)?;
        if problems { invalid += 1 } else { valid += 1 }
    }
    report.line(
        format_args!("{valid} valid, {invalid} invalid"),
        &json!({"valid": valid, "invalid": invalid}),
    );
    Ok(Ended::when(invalid == 0))
}

fn local(args: &Check, path: &Path) -> anyhow::Result<Judge> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the schema `{}`", path.display()))?;
    let rules = Rules {
        schema: compiled(&text)?,
        hash_key: args.hash_key.clone(),
        range_key: Some(args.range_key.clone()).filter(|name| !name.is_empty()),
        check_item_id: args.check_item_id,
    };
    Ok(Judge {
        rules,
        max_bytes: args.max_bytes,
    })
}

async fn deployed(shared: &Shared) -> anyhow::Result<Judge> {
    let outputs = shared.from.read()?;
    let config = session(&outputs, System::Ingest, shared.role(Role::Operator)).await?;
    let ingest = outputs.ingest()?;
    let bytes = Store::new(&config)
        .read(
            &ingest.processing_bucket,
            &ingest.schema_key,
            None,
            MAX_SCHEMA,
        )
        .await?;
    let Some(bytes) = bytes else {
        bail!(
            "the schema `s3://{}/{}` is not there: apply again",
            ingest.processing_bucket,
            ingest.schema_key
        );
    };
    let text = String::from_utf8(bytes).context("the schema is not UTF-8")?;
    let rules = Rules {
        schema: compiled(&text)?,
        hash_key: ingest.hash_key.clone(),
        range_key: ingest.range_key().map(str::to_owned),
        check_item_id: ingest.check_item_id,
    };
    Ok(Judge {
        rules,
        max_bytes: ingest.max_object_bytes,
    })
}

fn compiled(text: &str) -> anyhow::Result<Compiled> {
    Ok(Compiled::compile(text)?)
}

/// A file that is named is meant, whatever its name.
fn files(root: &Path) -> impl Iterator<Item = anyhow::Result<PathBuf>> {
    let whole = root.is_dir();
    let entries = WalkDir::new(root)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter();
    entries.filter_map(move |entry| match entry {
        Err(error) => Some(Err(error.into())),
        Ok(entry) if entry.file_type().is_file() && (!whole || is_json(entry.path())) => {
            Some(Ok(entry.into_path()))
        }
        Ok(_) => None,
    })
}

impl Judge {
    /// Tells what is wrong with a file, and whether anything is.
    fn problems(&self, path: &Path, report: &Report) -> anyhow::Result<bool> {
        let bytes =
            std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let problems = self.judge(&bytes, &path.to_string_lossy());
        let shown = escape(&path.to_string_lossy());
        for problem in &problems {
            let place = if problem.path.is_empty() {
                "the object"
            } else {
                &problem.path
            };
            report.line(
                format_args!(
                    "{shown}: {}: {} [{}]",
                    escape(place),
                    escape(&problem.message),
                    problem.rule
                ),
                &json!({"file": path.to_string_lossy(), "valid": false, "problem": problem}),
            );
        }
        if problems.is_empty() {
            report.line(
                format_args!("{shown}: valid"),
                &json!({"file": path.to_string_lossy(), "valid": true}),
            );
        }
        Ok(!problems.is_empty())
    }

    fn judge(&self, bytes: &[u8], key: &str) -> Vec<Problem> {
        let size = bytes.len() as u64;
        if size > self.max_bytes {
            let limit = self.max_bytes;
            return vec![Problem::new(
                "",
                "object-size",
                format!("{size} bytes; an object may have at most {limit}"),
            )];
        }
        // As large as it will be: an item carries its origin, and a bucket's name and a version-id are known later.
        let source = Source {
            bucket: "b".repeat(63),
            key: key.into(),
            version_id: "v".repeat(32),
            etag: None,
            size: Some(size),
            sha256: Some(hex(&Sha256::digest(bytes))),
            sequencer: None,
        };
        self.rules
            .judge(bytes, &source, &rfc3339(now()))
            .err()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge() -> Judge {
        let schema = include_str!("../../../terraform/modules/ingest/music-item.schema.json");
        let rules = Rules {
            schema: compiled(schema).unwrap(),
            hash_key: "ArtistID".into(),
            range_key: Some("ItemID".into()),
            check_item_id: true,
        };
        Judge {
            rules,
            max_bytes: 1000,
        }
    }

    #[test]
    fn files_are_judged_as_the_pipeline_does() {
        let good = include_bytes!("../../../lambdas/ingest/tests/items/4EVR.json");
        assert_eq!(judge().judge(good, "4EVR.json"), []);
        let bare = include_bytes!("../../../lambdas/ingest/tests/items/4EVR-bare-list.json");
        assert!(
            judge()
                .judge(bare, "x")
                .iter()
                .any(|p| p.path.starts_with("/Features"))
        );
        let wrong = include_bytes!("../../../lambdas/ingest/tests/items/BLIND-wrong-item-id.json");
        assert_eq!(judge().judge(wrong, "x")[0].rule, "item-id");
        assert_eq!(judge().judge(&[b' '; 1001], "x")[0].rule, "object-size");
    }
}
