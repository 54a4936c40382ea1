//! Operator records: an operator's action is written to the journal and next to the receipts before it is performed, so
//! that the next manifest covers it and `sluice verify` knows about it.
//!
//! A command opens the [`OperatorLog`] with the acting role, and calls [`OperatorLog::record`] right before the first
//! deletion. The record of a version has one key per action and is written once: when a command runs again after an
//! interruption, it finds the record and leaves it as it is.

use anyhow::Context;
use aws_config::SdkConfig;
use lambda_support::log::escape;
use provenance::record_writer::{write_journal_entry, write_record};
use provenance::watched::WatchedBucket;
use sluice_types::{ObjectVersion, OperatorAction, OperatorRecord, Record as _, Timestamp};

use crate::aws::errors::explain;
use crate::aws::server_clock::ServerDate;
use crate::aws::session::caller;
use crate::outputs::{Outputs, System};

/// The subject of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A version in quarantine, identified by the bucket, key and version-id it was uploaded under.
    Version {
        version: ObjectVersion,
        /// Hexadecimal, if known.
        sha256: Option<String>,
        /// The version-id of the released copy.
        new_version_id: Option<String>,
    },
    /// One redrive of a queue, identified by the queue's name.
    Queue(String),
}

/// The log of an operator's actions; `None` if they are not recorded.
pub(crate) struct OperatorLog(Option<Writer>);

struct Writer {
    s3: aws_sdk_s3::Client,
    bucket: String,
    watched: Vec<WatchedBucket>,
    caller: String,
    role: Option<String>,
    reason: Option<String>,
}

impl OperatorLog {
    /// Opens the log for actions on `system` with `config`. Nothing is recorded if provenance is off, or if the system is
    /// the ingest and provenance watches neither of its buckets.
    ///
    /// # Errors
    /// If the caller's identity cannot be determined, or this machine's clock, which dates the records, is wrong.
    pub(crate) async fn open(
        outputs: &Outputs,
        system: System,
        config: &SdkConfig,
        reason: Option<&str>,
    ) -> anyhow::Result<Self> {
        let Ok(names) = outputs.provenance() else {
            return Ok(Self(None));
        };
        let watches = |bucket: &str| names.watched.iter().any(|w| w.bucket == bucket);
        if system == System::Ingest
            && !outputs.ingest().is_ok_and(|i| watches(&i.processing_bucket) || watches(&i.quarantine_bucket))
        {
            return Ok(Self(None));
        }
        let caller_arn = identity(&caller(&outputs.region).await?).await?;
        let acting_arn = identity(config).await?;
        Ok(Self(Some(Writer {
            s3: aws_sdk_s3::Client::new(config),
            bucket: names.receipts_bucket.clone(),
            watched: names.watched.clone(),
            role: (acting_arn != caller_arn).then_some(acting_arn),
            caller: caller_arn,
            reason: reason.map(str::to_owned),
        })))
    }

    /// Whether actions are recorded.
    pub(crate) fn is_enabled(&self) -> bool {
        self.0.is_some()
    }

    /// Records an action before it is performed. A record of an earlier, interrupted run stays as it is.
    ///
    /// # Errors
    /// If it cannot be recorded; the action must then not be performed.
    pub(crate) async fn record(&self, action: OperatorAction, subject: &Subject) -> anyhow::Result<()> {
        let Some(writer) = &self.0 else {
            return Ok(());
        };
        if let Subject::Version { version, .. } = subject
            && !writer.watched.iter().any(|w| w.bucket == version.bucket)
        {
            return Ok(());
        }
        let record = writer.new_record(action, subject, Timestamp::now());
        writer.put(&record).await.with_context(|| {
            let (key, bucket) = (escape(&record.record_key()), &writer.bucket);
            format!(
                "nothing was deleted, because the operator record `s3://{bucket}/{key}` cannot be written: apply the current `terraform/`, which allows the operator role to write it, and run this again"
            )
        })
    }
}

impl Writer {
    fn new_record(&self, action: OperatorAction, subject: &Subject, recorded_at: Timestamp) -> OperatorRecord {
        let record = OperatorRecord {
            action,
            bucket: None,
            key: None,
            version_id: None,
            sha256: None,
            new_version_id: None,
            queue: None,
            caller: self.caller.clone(),
            role: self.role.clone(),
            reason: self.reason.clone(),
            recorded_at,
        };
        match subject.clone() {
            Subject::Version { version, sha256, new_version_id } => OperatorRecord {
                bucket: Some(version.bucket),
                key: Some(version.key),
                version_id: Some(version.version_id),
                sha256,
                new_version_id,
                ..record
            },
            Subject::Queue(queue) => OperatorRecord { queue: Some(queue), ..record },
        }
    }

    async fn put(&self, record: &OperatorRecord) -> anyhow::Result<()> {
        write_journal_entry(&self.s3, &self.bucket, &record.journal_entry()).await?;
        write_record(&self.s3, &self.bucket, record.record_key(), record.bytes()).await?;
        Ok(())
    }
}

/// The ARN of the identity of a configuration. Also checks this machine's clock against AWS's.
async fn identity(config: &SdkConfig) -> anyhow::Result<String> {
    let (server_date, sts) = (ServerDate::default(), aws_sdk_sts::Client::new(config));
    let answer = sts.get_caller_identity().customize().interceptor(server_date.clone()).send().await;
    let identity = answer.map_err(|e| explain("get the identity of the caller (sts:GetCallerIdentity)", &e))?;
    server_date.check()?;
    identity.arn.context("sts:GetCallerIdentity returned no ARN: run this again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> Writer {
        let config = aws_sdk_s3::Config::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
        Writer {
            s3: aws_sdk_s3::Client::from_conf(config),
            bucket: "receipts".into(),
            watched: Vec::new(),
            caller: "arn:aws:iam::1:user/ada".into(),
            role: Some("arn:aws:sts::1:assumed-role/operator/sluice".into()),
            reason: Some("wrong file".into()),
        }
    }

    #[test]
    fn a_record_has_caller_action_time_and_reason() {
        let version = ObjectVersion {
            bucket: "in".into(),
            key: "a.json".into(),
            version_id: "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j".into(),
        };
        let subject = Subject::Version {
            version: version.clone(),
            sha256: Some("00".into()),
            new_version_id: Some("new".into()),
        };
        let record = writer().new_record(OperatorAction::Release, &subject, Timestamp::from_millis(7));
        assert_eq!(record.version(), Some(version));
        assert_eq!((record.caller.as_str(), record.reason.as_deref()), ("arn:aws:iam::1:user/ada", Some("wrong file")));
        assert_eq!(record.new_version_id.as_deref(), Some("new"));
        assert_eq!((record.sha256.as_deref(), record.recorded_at), (Some("00"), Timestamp::from_millis(7)));
        let run = writer().new_record(OperatorAction::Redrive, &Subject::Queue("q".into()), Timestamp::from_millis(7));
        assert_eq!((run.version(), run.queue.as_deref()), (None, Some("q")));
    }

    #[tokio::test]
    async fn without_provenance_nothing_is_recorded() {
        let version = ObjectVersion { bucket: "in".into(), key: "a".into(), version_id: "v".into() };
        let subject = Subject::Version { version, sha256: None, new_version_id: None };
        for log in [OperatorLog(None), OperatorLog(Some(writer()))] {
            log.record(OperatorAction::Remove, &subject).await.unwrap();
        }
    }
}
