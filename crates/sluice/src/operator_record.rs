//! Operator records: what an operator deletes or moves is announced in the journal and recorded next to the receipts
//! before it is done, so that the next manifest covers it and `sluice verify` knows it.
//!
//! A command opens the [`OperatorLog`] as the role that acts, and calls [`OperatorLog::record`] right before the first
//! deletion. The record of a version has one place for each action and is written once: run again after a kill, the
//! same command finds it written and changes nothing.

use anyhow::Context;
use aws_config::SdkConfig;
use lambda_support::log::escape;
use provenance::record_writer::{write_journal_entry, write_record};
use provenance::watched::WatchedBucket as Watched;
pub use sluice_types::OperatorAction as Action;
use sluice_types::{ObjectVersion as Version, OperatorRecord, Record, Timestamp as Moment};

use crate::aws::{caller, explain};
use crate::clock::ServerDate;
use crate::outputs::{Outputs, System};

/// What an action is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A version in quarantine, by the bucket, key and version-id it was uploaded under.
    Version {
        /// The version that was refused.
        version: Version,
        /// SHA-256 of its bytes, hexadecimal, where it is known.
        sha256: Option<String>,
        /// Of a release: the version-id that the copy has.
        new_version_id: Option<String>,
    },
    /// One run over a queue, by the queue's name.
    Queue(String),
}

/// Where an operator's actions are recorded.
pub struct OperatorLog(Option<Writer>);

struct Writer {
    s3: aws_sdk_s3::Client,
    bucket: String,
    watched: Vec<Watched>,
    caller: String,
    role: Option<String>,
    reason: Option<String>,
}

impl OperatorLog {
    /// The log of this deployment for actions on `system` with `config`; `reason` is what the operator gave. A
    /// deployment without provenance, or whose provenance does not watch the ingest, records nothing of it.
    ///
    /// # Errors
    /// When AWS does not say who the caller is, or this machine's clock is wrong: records are dated by it.
    pub async fn open(
        outputs: &Outputs,
        system: System,
        config: &SdkConfig,
        reason: Option<&str>,
    ) -> anyhow::Result<Self> {
        let Ok(names) = outputs.provenance() else {
            return Ok(Self(None));
        };
        let watches = |bucket: &str| names.watched.iter().any(|w| w.bucket == bucket);
        if system == System::Ingest && !outputs.ingest().is_ok_and(|i| watches(&i.processing_bucket)) {
            return Ok(Self(None));
        }
        let own = identity(&caller(&outputs.region).await?).await?;
        let acting = identity(config).await?;
        Ok(Self(Some(Writer {
            s3: aws_sdk_s3::Client::new(config),
            bucket: names.receipts_bucket.clone(),
            watched: names.watched.clone(),
            role: (acting != own).then_some(acting),
            caller: own,
            reason: reason.map(str::to_owned),
        })))
    }

    /// Whether actions are recorded at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Records an action that is about to be done. Written before, by a run that was cut off, it stays as it is.
    ///
    /// # Errors
    /// When it cannot be recorded: then the action must not be done.
    pub async fn record(&self, action: Action, subject: &Subject) -> anyhow::Result<()> {
        let Some(writer) = &self.0 else {
            return Ok(());
        };
        if let Subject::Version { version, .. } = subject
            && !writer.watched.iter().any(|w| w.bucket == version.bucket)
        {
            return Ok(());
        }
        let record = writer.of(action, subject, Moment::now());
        writer.put(&record).await.with_context(|| {
            let (key, bucket) = (escape(&record.record_key()), &writer.bucket);
            format!(
                "nothing was deleted, because the operator record `s3://{bucket}/{key}` cannot be written: apply the current `terraform/`, which grants it to the operator role, and run this again"
            )
        })
    }
}

impl Writer {
    fn of(&self, action: Action, subject: &Subject, recorded_at: Moment) -> OperatorRecord {
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

/// The ARN of whoever acts with this configuration; sees that this machine's clock agrees with AWS's.
async fn identity(config: &SdkConfig) -> anyhow::Result<String> {
    let (date, sts) = (ServerDate::default(), aws_sdk_sts::Client::new(config));
    let request = sts.get_caller_identity().customize();
    let answer = request.interceptor(date.clone()).send().await;
    let answer = answer.map_err(|e| explain("ask who the caller is (sts:GetCallerIdentity)", &e))?;
    date.agrees()?;
    let arn = answer.arn().map(str::to_owned);
    arn.context("AWS does not say who the caller is (sts:GetCallerIdentity)")
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
    fn a_record_says_who_what_when_and_why() {
        let version = Version {
            bucket: "in".into(),
            key: "a.json".into(),
            version_id: "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j".into(),
        };
        let subject = Subject::Version {
            version: version.clone(),
            sha256: Some("00".into()),
            new_version_id: Some("new".into()),
        };
        let record = writer().of(Action::Release, &subject, Moment::from_millis(7));
        assert_eq!(record.version(), Some(version));
        assert_eq!((record.caller.as_str(), record.reason.as_deref()), ("arn:aws:iam::1:user/ada", Some("wrong file")));
        assert_eq!(record.new_version_id.as_deref(), Some("new"));
        assert_eq!((record.sha256.as_deref(), record.recorded_at), (Some("00"), Moment::from_millis(7)));
        let run = writer().of(Action::Redrive, &Subject::Queue("q".into()), Moment::from_millis(7));
        assert_eq!((run.version(), run.queue.as_deref()), (None, Some("q")));
    }

    #[tokio::test]
    async fn without_provenance_nothing_is_recorded() {
        let version = Version { bucket: "in".into(), key: "a".into(), version_id: "v".into() };
        let subject = Subject::Version { version, sha256: None, new_version_id: None };
        for log in [OperatorLog(None), OperatorLog(Some(writer()))] {
            log.record(Action::Remove, &subject).await.unwrap();
        }
    }
}
