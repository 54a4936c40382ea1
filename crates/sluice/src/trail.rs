//! The trail's logs, as CloudTrail delivers them: which object versions they say were created, and whether they cover
//! a time at all.

use std::collections::{BTreeSet, HashMap};
use std::io::Read;

use anyhow::Context;
use flate2::read::GzDecoder;
use lambda_support::log::escape;
use serde::Deserialize;
use serde_json::Value;
use sluice_types::{ObjectVersion as Version, Receipt, Timestamp as Moment};

use crate::outputs::Provenance as Names;
use crate::store::Store;
use crate::time::{day_path, rfc3339};

#[cfg(test)]
mod tests;

/// The longest log that is read, and what it may be unpacked.
const MAX_LOG: u64 = 64 * 1024 * 1024;
const MAX_UNPACKED: u64 = 1024 * 1024 * 1024;
const DAY: i64 = 86_400;
/// Names of logs are rounded down to this many seconds.
const ROUNDED: i64 = 300;
/// CloudTrail delivers within this many seconds, as a rule.
const DELIVERY: i64 = 3600;
/// Every way to make an object version.
const CREATIONS: [&str; 4] = ["PutObject", "PostObject", "CopyObject", "CompleteMultipartUpload"];

/// What the trail says about the creation of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It has the event.
    Created,
    /// It was delivering at that time, and has no such event.
    NotCreated,
    /// It does not cover the time, and why.
    Uncovered(String),
}

/// The creation of an object version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    /// Bucket name.
    pub bucket: String,
    /// Key.
    pub key: String,
    /// Version-id, where the event has it.
    pub version_id: Option<String>,
    /// When, in seconds since 1970, where the event says it.
    pub at: Option<i64>,
}

/// A version whose creation is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    version: Version,
    at: i64,
    /// The time may be that of the beginning of an upload in parts.
    begun: bool,
}

impl Question {
    /// About the version of a receipt; none if the receipt does not say when it was created.
    #[must_use]
    pub fn of(receipt: &Receipt) -> Option<Self> {
        let seconds = |at: Moment| i64::try_from(at.as_millis() / 1000).ok();
        let event = receipt.event_time.as_deref().and_then(|t| t.parse().ok());
        let event = event.and_then(seconds);
        let modified = receipt.last_modified.and_then(seconds);
        // S3 dates an object that came in parts by when its upload began, and so does who announces it later.
        let parts = receipt.etag.as_deref().is_some_and(|e| e.contains('-'));
        Some(Self {
            version: Version {
                bucket: receipt.bucket.clone(),
                key: receipt.key.clone(),
                version_id: receipt.version_id.clone(),
            },
            at: event.or(modified)?,
            begun: parts && (event.is_none() || event == modified),
        })
    }

    fn is_answered_by(&self, creation: &Creation) -> bool {
        let of = &self.version;
        if (creation.bucket.as_str(), creation.key.as_str()) != (&of.bucket, &of.key) {
            return false;
        }
        match creation.version_id.as_deref() {
            Some(id) if !of.version_id.is_empty() => id == of.version_id,
            // One of the two does not say which version it is; the time has to.
            _ => creation.at.is_none_or(|at| (at - self.at).abs() <= ROUNDED),
        }
    }

    /// Whether a log with this time in its name may have the event.
    fn is_in(&self, stamp: i64) -> bool {
        (self.at - ROUNDED..=self.at + DELIVERY).contains(&stamp)
    }

    /// Whether a log with this time in its name shows that the trail was delivering.
    fn is_covered_by(&self, stamp: i64) -> bool {
        (self.at - DELIVERY..=self.at + DELIVERY).contains(&stamp)
    }

    /// The answer of a trail with these logs and creations; `unread` are the times of logs that cannot be read.
    #[must_use]
    pub fn answer(&self, stamps: &BTreeSet<i64>, creations: &Creations, unread: &[i64], now: i64) -> Answer {
        let same_key = creations.of(&self.version.bucket, &self.version.key);
        if same_key.iter().any(|c| self.is_answered_by(c)) {
            return Answer::Created;
        }
        let at = rfc3339(self.at);
        if unread.iter().any(|stamp| self.is_in(*stamp)) {
            return Answer::Uncovered(format!("a log of the trail from {at} cannot be read"));
        }
        if !stamps.iter().any(|stamp| self.is_covered_by(*stamp)) {
            return Answer::Uncovered(format!("the trail has no logs from around {at}"));
        }
        if now < self.at + DELIVERY {
            return Answer::Uncovered(format!("the trail may still deliver logs from {at}"));
        }
        if self.begun {
            let why = "it came in parts, and the receipt does not say when it was completed";
            return Answer::Uncovered(why.into());
        }
        Answer::NotCreated
    }
}

/// The creations of some logs, by bucket and key.
#[derive(Debug, Default)]
pub struct Creations(HashMap<(String, String), Vec<Creation>>);

impl Creations {
    /// Adds one.
    pub fn add(&mut self, creation: Creation) {
        let place = (creation.bucket.clone(), creation.key.clone());
        self.0.entry(place).or_default().push(creation);
    }

    fn of(&self, bucket: &str, key: &str) -> &[Creation] {
        let found = self.0.get(&(bucket.to_owned(), key.to_owned()));
        found.map_or(&[], Vec::as_slice)
    }
}

/// The trail of a deployment.
pub struct Trail<'a> {
    store: &'a Store,
    names: &'a Names,
    region: &'a str,
}

/// The answers to some questions, in their order, and what could not be read for them.
pub struct Answers {
    /// One for each question.
    pub answers: Vec<Answer>,
    /// Keys of logs, or folders of them, with the reason.
    pub unread: Vec<(String, String)>,
}

impl<'a> Trail<'a> {
    /// The trail in the bucket that the deployment names.
    #[must_use]
    pub fn new(store: &'a Store, names: &'a Names, region: &'a str) -> Self {
        Self { store, names, region }
    }

    /// What a day's logs lie under.
    #[must_use]
    pub fn folder(&self, at: i64) -> String {
        let (prefix, region) = (&self.names.trail_prefix, self.region);
        format!("{prefix}{region}/{}/", day_path(at))
    }

    /// Looks for the creation of each; reads only logs from around their times.
    pub async fn ask(&self, questions: &[Question], now: i64) -> Answers {
        let (mut stamps, mut logs) = (BTreeSet::new(), BTreeSet::new());
        let (mut unread, mut unread_at) = (Vec::new(), Vec::new());
        let ends = |q: &Question| [q.at - DELIVERY, q.at + DELIVERY];
        let folders: BTreeSet<String> = questions.iter().flat_map(ends).map(|at| self.folder(at)).collect();
        for folder in folders {
            let mut pages = self.store.objects(&self.names.trail_bucket, &folder);
            loop {
                match pages.next().await {
                    Ok(None) => break,
                    Ok(Some(page)) => {
                        for (stamp, key) in page.into_iter().filter_map(|k| Some((stamp(&k)?, k))) {
                            stamps.insert(stamp);
                            if questions.iter().any(|q| q.is_in(stamp)) {
                                logs.insert((stamp, key));
                            }
                        }
                    }
                    Err(error) => {
                        let day = questions.iter().filter(|q| ends(q).map(|at| self.folder(at)).contains(&folder));
                        unread_at.extend(day.map(|q| q.at));
                        unread.push((folder.clone(), format!("{error:#}")));
                        break;
                    }
                }
            }
        }
        let mut found = Creations::default();
        for (stamp, key) in logs {
            match self.creations(&key).await {
                Ok(creations) => creations.into_iter().for_each(|c| found.add(c)),
                Err(error) => {
                    unread_at.push(stamp);
                    unread.push((key, format!("{error:#}")));
                }
            }
        }
        let answer = |q: &Question| q.answer(&stamps, &found, &unread_at, now);
        Answers { answers: questions.iter().map(answer).collect(), unread }
    }

    /// The creations that a log has; none if the log is not there any more.
    ///
    /// # Errors
    /// When it cannot be read, or is not a log.
    pub async fn creations(&self, key: &str) -> anyhow::Result<Vec<Creation>> {
        let bucket = &self.names.trail_bucket;
        let bytes = self.store.read(bucket, key, None, MAX_LOG).await?;
        bytes.map_or(Ok(Vec::new()), |bytes| {
            creations(&bytes).with_context(|| format!("cannot read the log `{}`", escape(key)))
        })
    }
}

/// The time in the name of a log, `…_YYYYMMDDTHHMMZ_….json.gz`; none if it is not the name of one.
#[must_use]
pub fn stamp(key: &str) -> Option<i64> {
    let name = key.rsplit('/').next()?.strip_suffix(".json.gz")?;
    let stamp = name.rsplit('_').nth(1)?;
    let part = |range: std::ops::Range<usize>| stamp.get(range);
    let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
    let (hour, minute) = (part(9..11)?, part(11..13)?);
    let text = format!("{year}-{month}-{day}T{hour}:{minute}:00Z");
    let at: Moment = text.parse().ok()?;
    i64::try_from(at.as_millis() / 1000).ok()
}

/// Whether a log may have an event of this time.
#[must_use]
pub fn may_have(key: &str, at: i64) -> bool {
    stamp(key).is_some_and(|stamp| stamp >= at - at.rem_euclid(60) - ROUNDED)
}

#[derive(Deserialize)]
struct Log {
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

/// The creations that a log has.
fn creations(bytes: &[u8]) -> anyhow::Result<Vec<Creation>> {
    let mut text = String::new();
    let mut unpacked = GzDecoder::new(bytes).take(MAX_UNPACKED);
    unpacked.read_to_string(&mut text).context("it cannot be unpacked")?;
    let log: Log = serde_json::from_str(&text).context("it is not a log of CloudTrail")?;
    Ok(log.records.iter().filter_map(creation).collect())
}

fn creation(record: &Value) -> Option<Creation> {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
    let failed = record.get("errorCode").is_some_and(|code| !code.is_null());
    if failed || !CREATIONS.contains(&text("/eventName")?) {
        return None;
    }
    let at: Option<Moment> = text("/eventTime").and_then(|t| t.parse().ok());
    Some(Creation {
        bucket: text("/requestParameters/bucketName")?.to_owned(),
        key: match text("/requestParameters/key") {
            Some(key) => key.to_owned(),
            None => form_key(record)?,
        },
        version_id: text("/responseElements/x-amz-version-id").map(str::to_owned),
        at: at.and_then(|at| i64::try_from(at.as_millis() / 1000).ok()),
    })
}

/// A form upload may leave its key out of the parameters; the resource has it after `arn:…:s3:::bucket/`.
fn form_key(record: &Value) -> Option<String> {
    let resources = record.get("resources")?.as_array()?;
    let object = |r: &&Value| r.get("type").and_then(Value::as_str) == Some("AWS::S3::Object");
    let arn = resources.iter().find(object)?.get("ARN")?.as_str()?;
    let (_, key) = arn.split_once(":s3:::")?.1.split_once('/')?;
    Some(key.to_owned())
}

/// How many days a time may be searched in: its own and the next.
#[must_use]
pub fn days(at: i64, now: i64) -> Vec<i64> {
    let mut days = vec![at, at + DAY];
    days.retain(|day| day_path(*day) <= day_path(now));
    days
}
