//! Searches CloudTrail's log files for the creation of object versions.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;

use anyhow::Context;
use flate2::read::GzDecoder;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use lambda_support::log::escape;
use serde::Deserialize;
use serde_json::Value;
use sluice_types::{ObjectVersion, Receipt, Timestamp};

use crate::aws::s3::Store;
use crate::outputs::Provenance as Names;
use crate::time::{day_path, rfc3339};

pub(crate) mod object_requests;
#[cfg(test)]
mod tests;

/// The limits on a log file, packed and unpacked, in bytes.
const MAX_LOG: u64 = 64 * 1024 * 1024;
const MAX_UNPACKED_LOG: u64 = 1024 * 1024 * 1024;
const DAY: i64 = 86_400;
/// The times in the names of log files are rounded down to this many seconds.
const NAME_GRANULARITY: i64 = 300;
/// CloudTrail usually delivers within this many seconds.
const MAX_DELIVERY_DELAY: i64 = 3600;
/// The events that create an object version.
const CREATION_EVENTS: [&str; 4] = ["PutObject", "PostObject", "CopyObject", "CompleteMultipartUpload"];

/// What the trail says about the creation of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CreationStatus {
    /// The trail has the event.
    Created,
    /// The trail covers the time and has no such event.
    NotCreated,
    /// The trail does not cover the time; the cause.
    Uncovered(String),
}

/// An event that created an object version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreationEvent {
    pub(crate) bucket: String,
    pub(crate) key: String,
    /// `None` if the event has none.
    pub(crate) version_id: Option<String>,
    /// Seconds since 1970; `None` if the event has no time.
    pub(crate) at: Option<i64>,
}

/// A version whose creation is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreationQuery {
    version: ObjectVersion,
    /// Seconds since 1970.
    at: i64,
    /// Whether `at` may be the start of a multipart upload instead of its completion.
    may_be_upload_start: bool,
}

/// The log files of a trail that are relevant to some queries.
#[derive(Debug, Default)]
pub(crate) struct LogSearch {
    /// The times in the names of all log files listed, in seconds since 1970.
    pub(crate) log_times: BTreeSet<i64>,
    pub(crate) events: CreationEvents,
    /// The times of log files that cannot be read.
    pub(crate) unread_times: Vec<i64>,
}

impl CreationQuery {
    /// A query about the version of a receipt; `None` if the receipt does not say when the version was created.
    pub(crate) fn from_receipt(receipt: &Receipt) -> Option<Self> {
        let seconds = |at: Timestamp| i64::try_from(at.as_millis() / 1000).ok();
        let event_time = receipt.event_time.as_deref().and_then(|text| text.parse().ok()).and_then(seconds);
        let modified = receipt.last_modified.and_then(seconds);
        // S3 dates a multipart object by the start of its upload, and a replayed event has that date too.
        let is_multipart = receipt.etag.as_deref().is_some_and(|etag| etag.contains('-'));
        Some(Self {
            version: ObjectVersion {
                bucket: receipt.bucket.clone(),
                key: receipt.key.clone(),
                version_id: receipt.version_id.clone(),
            },
            at: event_time.or(modified)?,
            may_be_upload_start: is_multipart && (event_time.is_none() || event_time == modified),
        })
    }

    fn matches(&self, event: &CreationEvent) -> bool {
        let version = &self.version;
        if (event.bucket.as_str(), event.key.as_str()) != (&version.bucket, &version.key) {
            return false;
        }
        match event.version_id.as_deref() {
            Some(version_id) if !version.version_id.is_empty() => version_id == version.version_id,
            // One of the two has no version-id, so the times are compared.
            _ => event.at.is_none_or(|at| (at - self.at).abs() <= NAME_GRANULARITY),
        }
    }

    /// Whether a log file with this time in its name may contain the event.
    fn may_be_in_log(&self, log_time: i64) -> bool {
        (self.at - NAME_GRANULARITY..=self.at + MAX_DELIVERY_DELAY).contains(&log_time)
    }

    /// Whether a log file with this time in its name shows that the trail covers the event's time.
    fn is_covered_by_log(&self, log_time: i64) -> bool {
        (self.at - MAX_DELIVERY_DELAY..=self.at + MAX_DELIVERY_DELAY).contains(&log_time)
    }

    /// The times whose days may contain relevant log files.
    fn search_range(&self) -> [i64; 2] {
        [self.at - MAX_DELIVERY_DELAY, self.at + MAX_DELIVERY_DELAY]
    }

    /// Answers the query. `now` is in seconds since 1970.
    pub(crate) fn answer(&self, search: &LogSearch, now: i64) -> CreationStatus {
        if search.events.of_key(&self.version.bucket, &self.version.key).iter().any(|event| self.matches(event)) {
            return CreationStatus::Created;
        }
        let at = rfc3339(self.at);
        if search.unread_times.iter().any(|time| self.may_be_in_log(*time)) {
            return CreationStatus::Uncovered(format!("a log file of the trail from {at} cannot be read"));
        }
        if !search.log_times.iter().any(|time| self.is_covered_by_log(*time)) {
            return CreationStatus::Uncovered(format!("the trail has no log files from around {at}"));
        }
        if now < self.at + MAX_DELIVERY_DELAY {
            return CreationStatus::Uncovered(format!("the trail may still deliver log files from {at}"));
        }
        if self.may_be_upload_start {
            let why = "it was uploaded in parts, and the receipt does not say when the upload was completed";
            return CreationStatus::Uncovered(why.into());
        }
        CreationStatus::NotCreated
    }
}

/// Creation events by bucket and key.
#[derive(Debug, Default)]
pub(crate) struct CreationEvents(HashMap<(String, String), Vec<CreationEvent>>);

impl CreationEvents {
    pub(crate) fn add(&mut self, event: CreationEvent) {
        let object = (event.bucket.clone(), event.key.clone());
        self.0.entry(object).or_default().push(event);
    }

    fn of_key(&self, bucket: &str, key: &str) -> &[CreationEvent] {
        self.0.get(&(bucket.to_owned(), key.to_owned())).map_or(&[], Vec::as_slice)
    }
}

/// The trail of a deployment.
pub(crate) struct Trail<'a> {
    store: &'a Store,
    names: &'a Names,
    region: &'a str,
}

/// The answers to some queries, in their order.
pub(crate) struct TrailAnswers {
    pub(crate) statuses: Vec<CreationStatus>,
    /// Log files, or folders of them, that could not be read, with the cause.
    pub(crate) unread: Vec<(String, String)>,
}

impl<'a> Trail<'a> {
    pub(crate) fn new(store: &'a Store, names: &'a Names, region: &'a str) -> Self {
        Self { store, names, region }
    }

    /// The prefix of the log files of a day.
    pub(crate) fn day_prefix(&self, at: i64) -> String {
        format!("{}{}/{}/", self.names.trail_prefix, self.region, day_path(at))
    }

    /// Answers queries; reads only log files from around their times.
    pub(crate) async fn answer(&self, queries: &[CreationQuery], now: i64) -> TrailAnswers {
        let (mut search, mut unread) = (LogSearch::default(), Vec::new());
        let relevant_logs = self.list_logs(queries, &mut search, &mut unread).await;
        for (key, log_time) in relevant_logs {
            match self.read_events(&key).await {
                Ok(events) => events.into_iter().for_each(|event| search.events.add(event)),
                Err(error) => {
                    search.unread_times.push(log_time);
                    unread.push((key, format!("{error:#}")));
                }
            }
        }
        TrailAnswers { statuses: queries.iter().map(|query| query.answer(&search, now)).collect(), unread }
    }

    /// Lists the log files of the days that the queries need; returns the relevant ones, by key, with their times.
    async fn list_logs(
        &self,
        queries: &[CreationQuery],
        search: &mut LogSearch,
        unread: &mut Vec<(String, String)>,
    ) -> BTreeMap<String, i64> {
        let mut relevant = BTreeMap::new();
        let prefixes: BTreeSet<String> =
            queries.iter().flat_map(CreationQuery::search_range).map(|at| self.day_prefix(at)).collect();
        for prefix in prefixes {
            let mut pages = self.store.objects(&self.names.trail_bucket, &prefix);
            loop {
                match pages.next().await {
                    Ok(None) => break,
                    Ok(Some(page)) => {
                        for key in page {
                            let Some(log_time) = log_time(&key) else { continue };
                            search.log_times.insert(log_time);
                            if queries.iter().any(|query| query.may_be_in_log(log_time)) {
                                relevant.insert(key, log_time);
                            }
                        }
                    }
                    Err(error) => {
                        let needs_day = |query: &&CreationQuery| {
                            query.search_range().map(|at| self.day_prefix(at)).contains(&prefix)
                        };
                        search.unread_times.extend(queries.iter().filter(needs_day).map(|query| query.at));
                        unread.push((prefix.clone(), format!("{error:#}")));
                        break;
                    }
                }
            }
        }
        relevant
    }

    /// The creation events of a log file; none if the file does not exist any more.
    ///
    /// # Errors
    /// If it cannot be read or parsed.
    async fn read_events(&self, key: &str) -> anyhow::Result<Vec<CreationEvent>> {
        let records = self.read_records(key).await?;
        Ok(records.iter().filter_map(creation_event).collect())
    }

    /// The records of a log file; none if the file does not exist any more.
    ///
    /// # Errors
    /// If it cannot be read or parsed.
    async fn read_records(&self, key: &str) -> anyhow::Result<Vec<Value>> {
        let bytes = self.store.read(&self.names.trail_bucket, key, None, MAX_LOG).await?;
        bytes.map_or(Ok(Vec::new()), |bytes| {
            parse_log(&bytes).with_context(|| format!("cannot read the log file `{}`", escape(key)))
        })
    }
}

/// The time in the name of a log file, `…_YYYYMMDDTHHMMZ_….json.gz`, in seconds since 1970; `None` for other files.
pub(crate) fn log_time(key: &str) -> Option<i64> {
    let name = key.rsplit('/').next()?.strip_suffix(".json.gz")?;
    let at = DateTime::strptime("%Y%m%dT%H%MZ", name.rsplit('_').nth(1)?).ok()?;
    Some(TimeZone::UTC.to_timestamp(at).ok()?.as_second())
}

/// Whether a log file may contain an event of this time.
pub(crate) fn may_contain(key: &str, at: i64) -> bool {
    log_time(key).is_some_and(|log_time| log_time >= at - at.rem_euclid(60) - NAME_GRANULARITY)
}

#[derive(Deserialize)]
struct LogFile {
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

/// The records of a packed log file.
fn parse_log(bytes: &[u8]) -> anyhow::Result<Vec<Value>> {
    let mut text = String::new();
    let mut decoder = GzDecoder::new(bytes).take(MAX_UNPACKED_LOG);
    decoder.read_to_string(&mut text).context("it cannot be unpacked")?;
    let log_file: LogFile = serde_json::from_str(&text).context("it is not a log file of CloudTrail")?;
    Ok(log_file.records)
}

fn creation_event(record: &Value) -> Option<CreationEvent> {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
    if has_failed(record) || !CREATION_EVENTS.contains(&text("/eventName")?) {
        return None;
    }
    let at: Option<Timestamp> = text("/eventTime").and_then(|t| t.parse().ok());
    Some(CreationEvent {
        bucket: text("/requestParameters/bucketName")?.to_owned(),
        key: match text("/requestParameters/key") {
            Some(key) => key.to_owned(),
            None => key_of_form_upload(record)?,
        },
        version_id: text("/responseElements/x-amz-version-id").map(str::to_owned),
        at: at.and_then(|at| i64::try_from(at.as_millis() / 1000).ok()),
    })
}

/// Whether the request of a record was rejected.
fn has_failed(record: &Value) -> bool {
    record.get("errorCode").is_some_and(|code| !code.is_null())
}

/// A form upload may have no key in its parameters; the resource has it after `arn:…:s3:::bucket/`.
fn key_of_form_upload(record: &Value) -> Option<String> {
    let resources = record.get("resources")?.as_array()?;
    let is_object = |r: &&Value| r.get("type").and_then(Value::as_str) == Some("AWS::S3::Object");
    let arn = resources.iter().find(is_object)?.get("ARN")?.as_str()?;
    let (_, key) = arn.split_once(":s3:::")?.1.split_once('/')?;
    Some(key.to_owned())
}

/// Times on the days that may have the log files of `at`: its own day and the next, unless that is in the future.
pub(crate) fn search_days(at: i64, now: i64) -> Vec<i64> {
    let mut days = vec![at, at + DAY];
    days.retain(|day| day_path(*day) <= day_path(now));
    days
}
