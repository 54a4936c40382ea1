//! `schema check`: what the pipeline would say of a file, before anybody uploads it.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ingest::judge::Rules;
use ingest::record::{Problem, Source};
use ingest::schema::Schema as Compiled;
use lambda_support::log::escape;
use lambda_support::names::hex;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::aws::{Role, session};
use crate::cli::Shared;
use crate::files::{Listed, listed, read_limited, shown};
use crate::outputs::System;
use crate::report::{Ended, Report};
use crate::store::Store;
use crate::time::{now, rfc3339};

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
Exit code: 0 all valid, 1 some are not or there was no file, 2 a file or the schema cannot be read.")]
struct Check {
    /// Files, and folders whose .json files are meant
    #[arg(required = true, value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// Judge by this schema, without a deployment
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// The table's partition key, with --schema
    #[arg(long, default_value = "ArtistID", requires = "schema", value_name = "NAME")]
    hash_key: String,
    /// The table's sort key, with --schema; "" = none
    #[arg(long, default_value = "ItemID", requires = "schema", value_name = "NAME")]
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
    let files: Vec<Listed> = args.paths.iter().flat_map(|p| listed(p)).collect::<anyhow::Result<_>>()?;
    if files.is_empty() {
        report.line(
            "no file below has a name that ends in .json: nothing was checked",
            &json!({"valid": 0, "invalid": 0, "why": "no .json file"}),
        );
        return Ok(Ended::Not);
    }
    let judge = match &args.schema {
        Some(path) => local(args, path)?,
        None => deployed(shared).await?,
    };
    let (mut valid, mut invalid) = (0_u64, 0_u64);
    for file in &files {
        let problems = judge.problems(file, report)?;
        if problems { invalid += 1 } else { valid += 1 }
    }
    report.line(format_args!("{valid} valid, {invalid} invalid"), &json!({"valid": valid, "invalid": invalid}));
    Ok(Ended::when(invalid == 0))
}

fn local(args: &Check, path: &Path) -> anyhow::Result<Judge> {
    let unread = || format!("cannot read the schema `{}`", shown(path));
    let bytes = read_limited(path, MAX_SCHEMA).with_context(unread)?;
    let text = String::from_utf8(bytes).with_context(unread)?;
    let rules = Rules {
        schema: compiled(&text)?,
        hash_key: args.hash_key.clone(),
        range_key: Some(args.range_key.clone()).filter(|name| !name.is_empty()),
        check_item_id: args.check_item_id,
    };
    Ok(Judge { rules, max_bytes: args.max_bytes })
}

async fn deployed(shared: &Shared) -> anyhow::Result<Judge> {
    let outputs = shared.from.read()?;
    let config = session(&outputs, System::Ingest, shared.role(Role::Operator)).await?;
    let ingest = outputs.ingest()?;
    let bytes = Store::new(&config).read(&ingest.processing_bucket, &ingest.schema_key, None, MAX_SCHEMA).await?;
    let Some(bytes) = bytes else {
        bail!(
            "the schema `s3://{}/{}` is not there: apply again",
            escape(&ingest.processing_bucket),
            escape(&ingest.schema_key)
        );
    };
    let text = String::from_utf8(bytes).context("the schema is not UTF-8")?;
    let rules = Rules {
        schema: compiled(&text)?,
        hash_key: ingest.hash_key.clone(),
        range_key: ingest.range_key().map(str::to_owned),
        check_item_id: ingest.check_item_id,
    };
    Ok(Judge { rules, max_bytes: ingest.max_object_bytes })
}

fn compiled(text: &str) -> anyhow::Result<Compiled> {
    Ok(Compiled::compile(text)?)
}

impl Judge {
    /// Tells what is wrong with a file, and whether anything is. What is too large is not read.
    fn problems(&self, file: &Listed, report: &Report) -> anyhow::Result<bool> {
        let path = &file.path;
        let shown = shown(path);
        let problems = match self.too_large(file.size) {
            Some(problem) => vec![problem],
            None => {
                let bytes = read_limited(path, self.max_bytes).with_context(|| format!("cannot read `{shown}`"))?;
                self.judge(&bytes, &path.to_string_lossy())
            }
        };
        for problem in &problems {
            let place = if problem.path.is_empty() { "the object" } else { &problem.path };
            report.line(
                format_args!("{shown}: {}: {} [{}]", escape(place), escape(&problem.message), escape(&problem.rule)),
                &json!({"file": path.to_string_lossy(), "valid": false, "problem": problem}),
            );
        }
        if problems.is_empty() {
            report.line(format_args!("{shown}: valid"), &json!({"file": path.to_string_lossy(), "valid": true}));
        }
        Ok(!problems.is_empty())
    }

    fn too_large(&self, size: u64) -> Option<Problem> {
        let limit = self.max_bytes;
        let message = || format!("{size} bytes; an object may have at most {limit}");
        (size > limit).then(|| Problem::new("", "object-size", message()))
    }

    fn judge(&self, bytes: &[u8], key: &str) -> Vec<Problem> {
        let size = bytes.len() as u64;
        if let Some(problem) = self.too_large(size) {
            return vec![problem];
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
        self.rules.judge(bytes, &source, &rfc3339(now())).err().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::assert_printed;
    #[cfg(unix)]
    use crate::report::testing::{HOSTILE, harmless};

    fn judge() -> Judge {
        let schema = include_str!("../../../terraform/modules/ingest/music-item.schema.json");
        let rules = Rules {
            schema: compiled(schema).unwrap(),
            hash_key: "ArtistID".into(),
            range_key: Some("ItemID".into()),
            check_item_id: true,
        };
        Judge { rules, max_bytes: 1000 }
    }

    #[test]
    fn files_are_judged_as_the_pipeline_does() {
        let good = include_bytes!("../../../lambdas/ingest/tests/items/4EVR.json");
        assert_eq!(judge().judge(good, "4EVR.json"), []);
        let bare = include_bytes!("../../../lambdas/ingest/tests/items/4EVR-bare-list.json");
        assert!(judge().judge(bare, "x").iter().any(|p| p.path.starts_with("/Features")));
        let wrong = include_bytes!("../../../lambdas/ingest/tests/items/BLIND-wrong-item-id.json");
        assert_eq!(judge().judge(wrong, "x")[0].rule, "item-id");
        assert_eq!(judge().judge(&[b' '; 1001], "x")[0].rule, "object-size");
    }

    /// The size is looked at first: a sparse file of a terabyte would not fit in memory.
    #[cfg(unix)]
    #[test]
    fn what_is_too_large_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(1 << 40).unwrap();
        let [file] = listed(&path).map(Result::unwrap).collect::<Vec<_>>().try_into().unwrap();
        harmless(1, |report| {
            assert!(judge().problems(&file, report).unwrap());
        });
    }

    #[cfg(unix)]
    #[test]
    fn a_verdict_is_harmless() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(HOSTILE);
        std::fs::write(&path, "{").unwrap();
        let file = Listed { path, size: 1 };
        harmless(1, |report| {
            assert!(judge().problems(&file, report).unwrap());
        });
    }

    #[test]
    fn text_and_json_of_a_check() {
        assert_printed("schema-check", |report| {
            for (name, max_bytes) in
                [("4EVR", 1000), ("4EVR-bare-list", 1000), ("BLIND-wrong-item-id", 1000), ("4EVR", 1)]
            {
                let path = PathBuf::from(format!("../../lambdas/ingest/tests/items/{name}.json"));
                let size = std::fs::metadata(&path).unwrap().len();
                let judge = Judge { max_bytes, ..judge() };
                judge.problems(&Listed { path, size }, report).unwrap();
            }
        });
    }
}
