//! `schema check`: validates files as the ingest function does, before they are uploaded.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ingest::problem::Problem;
use ingest::schema::Schema as CompiledSchema;
use ingest::source::Source;
use ingest::validate::ItemValidator;
use lambda_support::log::escape;
use serde_json::json;
use sha2::{Digest, Sha256};
use sluice_types::digest::hex;
use sluice_types::{ObjectVersion, Timestamp};

use crate::aws::s3::Store;
use crate::aws::session::{Role, session};
use crate::globals::Globals;
use crate::local_files::{LocalFile, find_files, read_limited, shown};
use crate::outputs::System;
use crate::report::{ExitStatus, Report};

/// The limit on a schema, in bytes.
const MAX_SCHEMA: u64 = 4 * 1024 * 1024;

/// Checks files against the schema of the items
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice schema check 4evr.json")]
pub(crate) struct SchemaArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(CheckArgs),
}

/// Validates files by the rules of the ingest function
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice schema check albums/
  sluice schema check 4evr.json --schema terraform/examples/eventpulse/music-item.schema.json

Without --schema, the deployed schema is used. With it, AWS is not needed.
Exit code: 0 all valid, 1 some are invalid or there was no file, 2 usage or environment error.")]
struct CheckArgs {
    /// Files, and folders of .json files
    #[arg(required = true, value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// Use this schema, without a deployment
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// The table's partition key, with --schema
    #[arg(long, default_value = "ArtistID", requires = "schema", value_name = "NAME")]
    hash_key: String,
    /// The table's sort key, with --schema; "" for none
    #[arg(long, default_value = "ItemID", requires = "schema", value_name = "NAME")]
    range_key: String,
    /// Also require ItemID to be derived from EntityType and Title, with --schema
    #[arg(long, requires = "schema")]
    check_item_id: bool,
    /// The limit on a file, with --schema
    #[arg(long, default_value_t = 10 * 1024 * 1024, requires = "schema", value_name = "BYTES")]
    max_bytes: u64,
}

/// Validates files.
struct FileValidator {
    items: ItemValidator,
    max_bytes: u64,
}

pub(crate) async fn run(globals: &Globals, args: &SchemaArgs, report: &mut Report) -> anyhow::Result<ExitStatus> {
    let Command::Check(args) = &args.command;
    let files: Vec<LocalFile> = args.paths.iter().flat_map(|p| find_files(p)).collect::<anyhow::Result<_>>()?;
    if files.is_empty() {
        report.line(
            "no file has a name that ends in .json: nothing was checked",
            &json!({"valid": 0, "invalid": 0, "why": "no .json file"}),
        );
        return Ok(ExitStatus::Failure);
    }
    let validator = match &args.schema {
        Some(path) => local_validator(args, path)?,
        None => deployed_validator(globals).await?,
    };
    let (mut valid, mut invalid) = (0_u64, 0_u64);
    for file in &files {
        let has_problems = validator.print_problems(file, report)?;
        if has_problems { invalid += 1 } else { valid += 1 }
    }
    report.line(format_args!("{valid} valid, {invalid} invalid"), &json!({"valid": valid, "invalid": invalid}));
    Ok(ExitStatus::success_if(invalid == 0))
}

fn local_validator(args: &CheckArgs, path: &Path) -> anyhow::Result<FileValidator> {
    let failure = || format!("cannot read the schema `{}`", shown(path));
    let bytes = read_limited(path, MAX_SCHEMA).with_context(failure)?;
    let text = String::from_utf8(bytes).with_context(failure)?;
    let items = ItemValidator {
        schema: CompiledSchema::compile(&text)?,
        hash_key: args.hash_key.clone(),
        range_key: Some(args.range_key.clone()).filter(|name| !name.is_empty()),
        check_item_id: args.check_item_id,
    };
    Ok(FileValidator { items, max_bytes: args.max_bytes })
}

async fn deployed_validator(globals: &Globals) -> anyhow::Result<FileValidator> {
    let outputs = globals.outputs.read()?;
    let config = session(&outputs, System::Ingest, globals.role_or(Role::Operator)).await?;
    let ingest = outputs.ingest()?;
    let bytes = Store::new(&config).read(&ingest.processing_bucket, &ingest.schema_key, None, MAX_SCHEMA).await?;
    let Some(bytes) = bytes else {
        bail!(
            "the schema `s3://{}/{}` does not exist: apply again",
            escape(&ingest.processing_bucket),
            escape(&ingest.schema_key)
        );
    };
    let text = String::from_utf8(bytes).context("the schema is not valid UTF-8: apply again")?;
    let items = ItemValidator {
        schema: CompiledSchema::compile(&text)?,
        hash_key: ingest.hash_key.clone(),
        range_key: ingest.range_key().map(str::to_owned),
        check_item_id: ingest.check_item_id,
    };
    Ok(FileValidator { items, max_bytes: ingest.max_object_bytes })
}

impl FileValidator {
    /// Prints the problems of a file and returns whether it has any. A file above the limit is not read.
    fn print_problems(&self, file: &LocalFile, report: &Report) -> anyhow::Result<bool> {
        let file_name = file.path.to_string_lossy();
        let shown = shown(&file.path);
        let problems = match self.size_problem(file.size) {
            Some(problem) => vec![problem],
            None => {
                let bytes =
                    read_limited(&file.path, self.max_bytes).with_context(|| format!("cannot read `{shown}`"))?;
                self.validate(&bytes, &file_name)
            }
        };
        for problem in &problems {
            let path = if problem.path.is_empty() { "the object" } else { &problem.path };
            report.line(
                format_args!("{shown}: {}: {} [{}]", escape(path), escape(&problem.message), escape(&problem.rule)),
                &json!({"file": file_name, "valid": false, "problem": problem}),
            );
        }
        if problems.is_empty() {
            report.line(format_args!("{shown}: valid"), &json!({"file": file_name, "valid": true}));
        }
        Ok(!problems.is_empty())
    }

    fn size_problem(&self, size: u64) -> Option<Problem> {
        let limit = self.max_bytes;
        let message = || format!("{size} bytes; an object may have at most {limit}");
        (size > limit).then(|| Problem::new("", "object-size", message()))
    }

    fn validate(&self, bytes: &[u8], key: &str) -> Vec<Problem> {
        let size = bytes.len() as u64;
        if let Some(problem) = self.size_problem(size) {
            return vec![problem];
        }
        // An item contains its source. Bucket name and version-id are not known yet, so they have their maximal length.
        let source = Source {
            version: ObjectVersion { bucket: "b".repeat(63), key: key.into(), version_id: "v".repeat(32) },
            etag: None,
            size: Some(size),
            sha256: Some(hex(&Sha256::digest(bytes))),
            sequencer: None,
        };
        let validated = self.items.validate(bytes, &source, Timestamp::now());
        validated.err().map(|invalid| invalid.problems).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::assert_printed;
    #[cfg(unix)]
    use crate::report::testing::{HOSTILE, assert_escaped};

    fn validator() -> FileValidator {
        let schema = include_str!("../../../../terraform/examples/eventpulse/music-item.schema.json");
        let items = ItemValidator {
            schema: CompiledSchema::compile(schema).unwrap(),
            hash_key: "ArtistID".into(),
            range_key: Some("ItemID".into()),
            check_item_id: true,
        };
        FileValidator { items, max_bytes: 1000 }
    }

    #[test]
    fn files_are_validated_as_the_function_does() {
        let good = include_bytes!("../../../../lambdas/ingest/tests/items/4EVR.json");
        assert_eq!(validator().validate(good, "4EVR.json"), []);
        let bare = include_bytes!("../../../../lambdas/ingest/tests/items/4EVR-bare-list.json");
        assert!(validator().validate(bare, "x").iter().any(|p| p.path.starts_with("/Features")));
        let wrong = include_bytes!("../../../../lambdas/ingest/tests/items/BLIND-wrong-item-id.json");
        assert_eq!(validator().validate(wrong, "x")[0].rule, "item-id");
        assert_eq!(validator().validate(&[b' '; 1001], "x")[0].rule, "object-size");
    }

    /// A sparse file of a terabyte would not fit in memory.
    #[cfg(unix)]
    #[test]
    fn a_file_above_the_limit_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(1 << 40).unwrap();
        let [file] = find_files(&path).map(Result::unwrap).collect::<Vec<_>>().try_into().unwrap();
        assert_escaped(1, |report| {
            assert!(validator().print_problems(&file, report).unwrap());
        });
    }

    #[cfg(unix)]
    #[test]
    fn untrusted_text_is_escaped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(HOSTILE);
        std::fs::write(&path, "{").unwrap();
        let file = LocalFile { path, size: 1 };
        assert_escaped(1, |report| {
            assert!(validator().print_problems(&file, report).unwrap());
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
                let validator = FileValidator { max_bytes, ..validator() };
                validator.print_problems(&LocalFile { path, size }, report).unwrap();
            }
        });
    }
}
