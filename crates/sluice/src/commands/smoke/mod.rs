//! `smoke`: sends one test file through a system and checks the results.

mod test_file;
mod trail_search;

use std::time::Duration;

use anyhow::Context;
use aws_config::SdkConfig;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;
use lambda_support::log::escape;
use serde_json::json;
use sluice_types::digest::sha256;
use sluice_types::receipt::receipt_key;
use sluice_types::{ObjectVersion, Receipt};
use tokio::time::{Instant, sleep};

use crate::aws::errors::explain;
use crate::aws::s3::{Store, action_on};
use crate::aws::session::{Role, session};
use crate::globals::Globals;
use crate::outputs::{Provenance as Names, System};
use crate::report::{ExitStatus, Report};
use crate::time::{now, rfc3339};
use test_file::TestFile;
use trail_search::TrailSearch;

/// The interval between lookups of the receipt.
const RECEIPT_INTERVAL: Duration = Duration::from_secs(2);
/// The interval between searches of the trail, which delivers log files every few minutes.
const TRAIL_INTERVAL: Duration = Duration::from_secs(15);
/// The limit on a receipt, in bytes.
const MAX_RECEIPT: u64 = 64 * 1024;

/// Sends a test file through a system and checks the results
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice smoke provenance")]
pub(crate) struct SmokeArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Provenance(ProvenanceArgs),
}

/// Checks that a file is stored, encrypted, given a receipt and logged by the trail
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice smoke provenance
  sluice smoke provenance --require-log --wait 1200

AWS delivers the trail's log files 5 to 15 minutes late, so without --require-log a missing one is not a failure. The file
and its receipt are not deleted: they are evidence.
Exit code: 0 every check passed, 1 a check failed, 2 usage or environment error.")]
struct ProvenanceArgs {
    /// How long to wait for the receipt, and with --require-log for the log file
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    wait: u64,
    /// Also wait for the trail's log file
    #[arg(long)]
    require_log: bool,
}

pub(crate) async fn run(globals: &Globals, args: &SmokeArgs, report: &mut Report) -> anyhow::Result<ExitStatus> {
    let Command::Provenance(args) = &args.command;
    let outputs = globals.outputs.read()?;
    let names = outputs.provenance()?;
    let session_as = |default| session(&outputs, System::Provenance, globals.role_or(default));
    let uploader = session_as(Role::Uploader).await?;
    let auditor = Store::new(&session_as(Role::Auditor).await?);
    let mut checks = Checks { report, failed: 0 };
    let Some(file) = put_test_file(&uploader, names, &mut checks).await? else {
        return Ok(checks.finish(None));
    };
    let deadline = Instant::now() + Duration::from_secs(args.wait);
    if !file.version.version_id.is_empty() {
        check_receipt(&auditor, names, &file, deadline, &mut checks).await?;
    }
    let search = TrailSearch::new(&auditor, names, &outputs.region);
    check_log(search, args, &file, deadline, &mut checks).await?;
    Ok(checks.finish(Some(&file)))
}

/// Prints the checks and counts the failed ones.
struct Checks<'a> {
    report: &'a Report,
    failed: u64,
}

impl Checks<'_> {
    fn print(&mut self, check: &str, passed: bool, what: &str) {
        self.failed += u64::from(!passed);
        let status = if passed { "ok    " } else { "FAILED" };
        let json = json!({"check": check, "ok": passed, "what": what});
        self.report.line(format_args!("{status}  {check}: {what}"), &json);
    }

    /// Prints a check that neither passed nor failed.
    fn print_open(&self, check: &str, what: &str) {
        let json = json!({"check": check, "ok": null, "what": what});
        self.report.line(format_args!("open    {check}: {what}"), &json);
    }

    fn finish(self, file: Option<&TestFile>) -> ExitStatus {
        if let Some(file) = file {
            let ObjectVersion { bucket, key, version_id } = &file.version;
            let json = json!({"left": {"bucket": bucket, "key": key, "version_id": version_id}, "failed": self.failed});
            self.report.line(
                format_args!("left    s3://{bucket}/{} version {version_id}: evidence is not deleted", escape(key)),
                &json,
            );
        }
        ExitStatus::success_if(self.failed == 0)
    }
}

/// Puts the test file and checks access, encryption and versioning; `None` if the uploader may not put it.
async fn put_test_file(config: &SdkConfig, names: &Names, checks: &mut Checks<'_>) -> anyhow::Result<Option<TestFile>> {
    let at = now();
    let bucket = names.data_bucket.clone();
    let watched_bucket = names.watched.iter().find(|w| w.bucket == bucket);
    let watched = watched_bucket.context("the data bucket is not watched: apply the current `terraform/`")?;
    let prefix = watched.prefixes.first().map_or("", String::as_str);
    let text = format!("sluice smoke test of {bucket} at {}, process {}\n", rfc3339(at), std::process::id());
    let sha256 = sha256(text.as_bytes());
    let key = format!("{prefix}smoke-test/{}-{}.txt", rfc3339(at).replace(':', "-"), &sha256[..8]);
    let store = Store::new(config);
    let body = ByteStream::from(text.clone().into_bytes());
    let request = store.s3.put_object().bucket(&bucket).key(&key).body(body).content_type("text/plain");
    let output = match request.send().await {
        Ok(output) => output,
        Err(error) => {
            let error = explain(action_on("write", &bucket, &key), &error);
            checks.print("access", false, &format!("{error:#}"));
            return Ok(None);
        }
    };
    let attributes = store.head(&bucket, &key, None).await?;
    let has_same_size = attributes.is_some_and(|a| a.size == text.len() as u64);
    check_put(&output, names.key_arn.as_deref(), has_same_size, checks);
    let version_id = output.version_id().unwrap_or_default().to_owned();
    Ok(Some(TestFile { version: ObjectVersion { bucket, key, version_id }, sha256, at }))
}

/// Checks the answer to the put.
fn check_put(output: &PutObjectOutput, key_arn: Option<&str>, has_same_size: bool, checks: &mut Checks<'_>) {
    let what = if has_same_size { "the uploader can put and see a file" } else { "the object differs from the file" };
    checks.print("access", has_same_size, what);
    let (is_encrypted, what) = encryption(output, key_arn);
    checks.print("encryption", is_encrypted, &what);
    match output.version_id().unwrap_or_default() {
        "" => checks.print("version", false, "the bucket is not versioned"),
        version_id => checks.print("version", true, version_id),
    }
}

/// Whether the deployment's encryption was applied, according to the answer of S3, and a description.
fn encryption(output: &PutObjectOutput, key_arn: Option<&str>) -> (bool, String) {
    let algorithm = output.server_side_encryption();
    let algorithm_name = algorithm.map_or("none", ServerSideEncryption::as_str);
    let Some(expected_key) = key_arn else {
        return (
            algorithm == Some(&ServerSideEncryption::Aes256),
            format!("{algorithm_name}; the deployment uses SSE-S3"),
        );
    };
    let key = output.ssekms_key_id().unwrap_or("none");
    let has_bucket_key = output.bucket_key_enabled() == Some(true);
    let is_expected = algorithm == Some(&ServerSideEncryption::AwsKms) && key == expected_key && has_bucket_key;
    let with = if has_bucket_key { "with" } else { "without" };
    (is_expected, format!("{algorithm_name} by {key}, {with} a bucket key; the deployment's key is {expected_key}"))
}

async fn check_receipt(
    auditor: &Store,
    names: &Names,
    file: &TestFile,
    deadline: Instant,
    checks: &mut Checks<'_>,
) -> anyhow::Result<()> {
    let receipt_key = receipt_key(&file.version);
    loop {
        if let Some(bytes) = auditor.read(&names.receipts_bucket, &receipt_key, None, MAX_RECEIPT).await? {
            let receipt: Option<Receipt> = serde_json::from_slice(&bytes).ok();
            let is_same = receipt.is_some_and(|r| r.sha256.as_deref() == Some(&file.sha256));
            let what = if is_same { "it has the SHA-256 of the file" } else { "it has another SHA-256" };
            checks.print("receipt", is_same, what);
            return Ok(());
        }
        if Instant::now() >= deadline {
            let what = "none was written in time: look at `sluice status --system provenance` and the function's log";
            checks.print("receipt", false, what);
            return Ok(());
        }
        sleep(RECEIPT_INTERVAL).await;
    }
}

async fn check_log(
    mut search: TrailSearch<'_>,
    args: &ProvenanceArgs,
    file: &TestFile,
    deadline: Instant,
    checks: &mut Checks<'_>,
) -> anyhow::Result<()> {
    loop {
        if let Some(log) = search.find(file).await? {
            checks.print("log", true, &format!("the trail has the event in {log}"));
            return Ok(());
        }
        if !args.require_log {
            let what = "not there yet; AWS takes 5 to 15 minutes, --require-log --wait 1200 waits for it";
            checks.print_open("log", what);
            return Ok(());
        }
        if Instant::now() >= deadline {
            checks.print("log", false, "the trail did not deliver the event in time");
            return Ok(());
        }
        sleep(TRAIL_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encryption_must_be_the_deployments() {
        let kms = |key: &str, bucket_key| {
            PutObjectOutput::builder()
                .server_side_encryption(ServerSideEncryption::AwsKms)
                .ssekms_key_id(key)
                .bucket_key_enabled(bucket_key)
                .build()
        };
        let s3 = PutObjectOutput::builder().server_side_encryption(ServerSideEncryption::Aes256).build();
        let none = PutObjectOutput::builder().build();
        for (answer, key, expected) in [
            (&kms("k", true), Some("k"), true),
            (&kms("other", true), Some("k"), false),
            (&kms("k", false), Some("k"), false),
            (&s3, Some("k"), false),
            (&s3, None, true),
            (&none, None, false),
        ] {
            assert_eq!(encryption(answer, key).0, expected, "{answer:?}");
        }
    }

    #[test]
    fn text_and_json_of_the_checks() {
        crate::report::testing::assert_printed("smoke", |report| {
            let mut checks = Checks { report, failed: 0 };
            let put = PutObjectOutput::builder().server_side_encryption(ServerSideEncryption::Aes256).build();
            for key in [None, Some("k")] {
                let (ok, what) = encryption(&put, key);
                checks.print("encryption", ok, &what);
            }
            checks.print_open("log", "what");
            let file = TestFile {
                version: ObjectVersion { bucket: "b".into(), key: "k".into(), version_id: "v".into() },
                sha256: "00".into(),
                at: 0,
            };
            checks.finish(Some(&file));
        });
    }
}
