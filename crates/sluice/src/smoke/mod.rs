//! `smoke`: the known good case. One file is sent through the deployment, and what should come of it is looked for.

mod trail;

use std::time::Duration;

use anyhow::Context;
use aws_config::SdkConfig;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;
use lambda_support::log::escape;
use lambda_support::names::sha256;
use provenance::receipt::{Receipt, key_of};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::aws::{Role, explain, session};
use crate::cli::Shared;
use crate::outputs::{Provenance as Names, System};
use crate::report::{Ended, Report};
use crate::smoke::trail::Trail;
use crate::store::{Store, place};
use crate::time::{now, rfc3339};

/// How often is looked again.
const EVERY: Duration = Duration::from_secs(2);
/// The trail's logs come by the minute.
const TRAIL_EVERY: Duration = Duration::from_secs(15);
/// The longest receipt.
const MAX_RECEIPT: u64 = 64 * 1024;

/// Sends one file through a system and looks for everything that should come of it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice smoke provenance")]
pub struct Smoke {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Provenance(Provenance),
}

/// A file is put, encrypted, given a receipt and logged by the trail
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice smoke provenance
  sluice smoke provenance --require-log --wait 1200

AWS delivers the trail's logs 5 to 15 minutes late, so without --require-log a missing one is only said. The file and
its receipt stay: they are evidence.
Exit code: 0 everything came, 1 something did not.")]
struct Provenance {
    /// How long to wait for the receipt, and with --require-log for the log
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    wait: u64,
    /// Wait for the trail's log too
    #[arg(long)]
    require_log: bool,
}

/// Runs the command.
///
/// # Errors
/// When the deployment cannot be read or its roles not assumed.
pub async fn run(shared: &Shared, args: &Smoke, report: &mut Report) -> anyhow::Result<Ended> {
    let Command::Provenance(args) = &args.command;
    let outputs = shared.from.read()?;
    let names = outputs.provenance()?;
    let role = |usual| session(&outputs, System::Provenance, shared.role(usual));
    let uploader = role(Role::Uploader).await?;
    let auditor = Store::new(&role(Role::Auditor).await?);
    let mut checks = Checks { report, failed: 0 };
    let Some(sent) = send(&uploader, names, &mut checks).await? else {
        return Ok(checks.end(None));
    };
    let until = Instant::now() + Duration::from_secs(args.wait);
    if !sent.version_id.is_empty() {
        receipt(&auditor, names, &sent, until, &mut checks).await?;
    }
    let trail = Trail::new(&auditor, names, &outputs.region);
    logged(trail, args, &sent, until, &mut checks).await?;
    Ok(checks.end(Some(&sent)))
}

/// What was put.
pub struct Sent {
    bucket: String,
    key: String,
    version_id: String,
    sha256: String,
    /// Seconds since 1970.
    at: i64,
}

/// What was looked for, and what came.
struct Checks<'a> {
    report: &'a Report,
    failed: u64,
}

impl Checks<'_> {
    fn tell(&mut self, check: &str, ok: bool, what: &str) {
        self.failed += u64::from(!ok);
        let word = if ok { "ok    " } else { "FAILED" };
        let json = json!({"check": check, "ok": ok, "what": what});
        self.report.line(format_args!("{word}  {check}: {what}"), &json);
    }

    /// Neither good nor bad.
    fn open(&self, check: &str, what: &str) {
        let json = json!({"check": check, "ok": null, "what": what});
        self.report.line(format_args!("open    {check}: {what}"), &json);
    }

    fn end(self, sent: Option<&Sent>) -> Ended {
        if let Some(sent) = sent {
            let Sent { bucket, key, version_id, .. } = sent;
            let json = json!({"left": {"bucket": bucket, "key": key, "version_id": version_id}, "failed": self.failed});
            self.report.line(
                format_args!("left    s3://{bucket}/{} version {version_id}: evidence is not deleted", escape(key)),
                &json,
            );
        }
        Ended::when(self.failed == 0)
    }
}

async fn send(config: &SdkConfig, names: &Names, checks: &mut Checks<'_>) -> anyhow::Result<Option<Sent>> {
    let at = now();
    let bucket = names.data_bucket.clone();
    let watched = names.watched.iter().find(|w| w.bucket == bucket);
    let watched = watched.context("the data bucket is not watched: apply the current `terraform/`")?;
    let prefix = watched.prefixes.first().map_or("", String::as_str);
    let text = format!("sluice smoke test of {bucket} at {}, process {}\n", rfc3339(at), std::process::id());
    let digest = sha256(text.as_bytes());
    let key = format!("{prefix}smoke-test/{}-{}.txt", rfc3339(at).replace(':', "-"), &digest[..8]);
    let store = Store::new(config);
    let body = ByteStream::from(text.clone().into_bytes());
    let request = store.s3.put_object().bucket(&bucket).key(&key).body(body);
    let answer = match request.content_type("text/plain").send().await {
        Ok(answer) => answer,
        Err(error) => {
            let error = explain(place("write", &bucket, &key), &error);
            checks.tell("access", false, &format!("{error:#}"));
            return Ok(None);
        }
    };
    let facts = store.head(&bucket, &key, None).await?;
    let same = facts.is_some_and(|f| f.size == text.len() as u64);
    let what = if same { "the uploader may put a file and see it" } else { "the file is not what was put" };
    checks.tell("access", same, what);
    let (encrypted, what) = encryption(&answer, names.key_arn.as_deref());
    checks.tell("encryption", encrypted, &what);
    let version_id = answer.version_id().unwrap_or_default().to_owned();
    let what = match version_id.as_str() {
        "" => "the bucket keeps no versions",
        id => id,
    };
    checks.tell("version", !version_id.is_empty(), what);
    Ok(Some(Sent { bucket, key, version_id, sha256: digest, at }))
}

/// Whether the deployment's encryption was applied, as S3 answers.
fn encryption(answer: &PutObjectOutput, key_arn: Option<&str>) -> (bool, String) {
    let kind = answer.server_side_encryption();
    let name = kind.map_or("none", ServerSideEncryption::as_str);
    let Some(expected) = key_arn else {
        return (kind == Some(&ServerSideEncryption::Aes256), format!("with S3's key: {name}"));
    };
    let key = answer.ssekms_key_id().unwrap_or("none");
    let bucket_key = answer.bucket_key_enabled() == Some(true);
    let ok = kind == Some(&ServerSideEncryption::AwsKms) && key == expected && bucket_key;
    let with = if bucket_key { "with" } else { "without" };
    (ok, format!("{name} by {key}, {with} a bucket key; the deployment's key is {expected}"))
}

async fn receipt(
    auditor: &Store,
    names: &Names,
    sent: &Sent,
    until: Instant,
    checks: &mut Checks<'_>,
) -> anyhow::Result<()> {
    let key = key_of(&sent.bucket, &sent.key, &sent.version_id);
    loop {
        let bytes = auditor.read(&names.receipts_bucket, &key, None, MAX_RECEIPT).await?;
        if let Some(bytes) = bytes {
            let receipt: Option<Receipt> = serde_json::from_slice(&bytes).ok();
            let same = receipt.is_some_and(|r| r.sha256.as_deref() == Some(&sent.sha256));
            let what = if same { "it has the SHA-256 of what was sent" } else { "it has another SHA-256" };
            checks.tell("receipt", same, what);
            return Ok(());
        }
        if Instant::now() >= until {
            let what = "none came in time: look at `sluice status --system provenance` and the function's log";
            checks.tell("receipt", false, what);
            return Ok(());
        }
        sleep(EVERY).await;
    }
}

async fn logged(
    mut trail: Trail<'_>,
    args: &Provenance,
    sent: &Sent,
    until: Instant,
    checks: &mut Checks<'_>,
) -> anyhow::Result<()> {
    loop {
        if let Some(log) = trail.find(sent).await? {
            checks.tell("log", true, &format!("the trail has the event in {log}"));
            return Ok(());
        }
        if !args.require_log {
            let what = "not there yet; AWS takes 5 to 15 minutes, --require-log --wait 1200 waits for it";
            checks.open("log", what);
            return Ok(());
        }
        if Instant::now() >= until {
            checks.tell("log", false, "the trail has no event of it in time");
            return Ok(());
        }
        sleep(TRAIL_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encryption_is_the_deployments_or_it_fails() {
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
                checks.tell("encryption", ok, &what);
            }
            checks.open("log", "what");
            let sent = Sent { bucket: "b".into(), key: "k".into(), version_id: "v".into(), sha256: "00".into(), at: 0 };
            checks.end(Some(&sent));
        });
    }
}
