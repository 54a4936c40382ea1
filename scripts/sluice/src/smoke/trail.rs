//! The trail's logs, as CloudTrail delivers them.

use std::collections::HashSet;
use std::io::Read;

use anyhow::Context;
use flate2::read::GzDecoder;
use kit::log::escape;
use serde::Deserialize;
use serde_json::Value;

use crate::outputs::Provenance as Names;
use crate::smoke::Sent;
use crate::store::Store;
use crate::time::{day_path, now};

/// The longest log that is read, and what it may be unpacked.
const MAX_LOG: u64 = 64 * 1024 * 1024;
const MAX_UNPACKED: u64 = 1024 * 1024 * 1024;
const DAY: i64 = 86_400;

/// A search in the trail.
pub struct Trail<'a> {
    store: &'a Store,
    names: &'a Names,
    region: &'a str,
    seen: HashSet<String>,
}

#[derive(Deserialize)]
struct Log {
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

impl<'a> Trail<'a> {
    /// A search in the trail of this deployment.
    #[must_use]
    pub fn new(store: &'a Store, names: &'a Names, region: &'a str) -> Self {
        Self {
            store,
            names,
            region,
            seen: HashSet::new(),
        }
    }

    /// The log that has the put of this file, among those that came since the last look.
    ///
    /// # Errors
    /// When the trail's bucket cannot be read.
    pub async fn find(&mut self, sent: &Sent) -> anyhow::Result<Option<String>> {
        let (bucket, names) = (&self.names.trail_bucket, self.names);
        let mut days = vec![day_path(sent.at), day_path(sent.at + DAY)];
        days.retain(|day| *day <= day_path(now()));
        for day in days {
            let folder = format!("{}{}/{day}/", names.trail_prefix, self.region);
            let mut pages = self.store.objects(bucket, &folder);
            while let Some(page) = pages.next().await? {
                for key in page {
                    if !delivered_since(&key, sent.at) || !self.seen.insert(key.clone()) {
                        continue;
                    }
                    let bytes = self.store.read(bucket, &key, None, MAX_LOG).await?;
                    if let Some(bytes) = bytes
                        && has(&bytes, sent).with_context(|| escape(&key))?
                    {
                        return Ok(Some(key));
                    }
                }
            }
        }
        Ok(None)
    }
}

/// Whether a log's name, `…_YYYYMMDDTHHMMZ_….json.gz`, lets it have an event of this time. Names are rounded down to
/// five minutes.
fn delivered_since(key: &str, at: i64) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key);
    let stamp = name.rsplit('_').nth(1).unwrap_or_default();
    let earliest = crate::time::rfc3339(at - 300).replace([':', '-'], "");
    name.ends_with(".json.gz") && stamp.get(..13) >= earliest.get(..13)
}

/// Whether a log has the put.
fn has(bytes: &[u8], sent: &Sent) -> anyhow::Result<bool> {
    let mut text = String::new();
    let mut unpacked = GzDecoder::new(bytes).take(MAX_UNPACKED);
    unpacked
        .read_to_string(&mut text)
        .context("the log cannot be unpacked")?;
    let log: Log = serde_json::from_str(&text).context("the log is not of CloudTrail")?;
    let of = |record: &Value, pointer: &str, text: &str| {
        record.pointer(pointer).and_then(Value::as_str) == Some(text)
    };
    Ok(log.records.iter().any(|record| {
        of(record, "/eventName", "PutObject")
            && of(record, "/requestParameters/bucketName", &sent.bucket)
            && of(record, "/requestParameters/key", &sent.key)
            && record.get("errorCode").is_none_or(Value::is_null)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::json;
    use std::io::Write;

    fn sent() -> Sent {
        Sent {
            bucket: "raw".into(),
            key: "incoming/smoke-test/a.txt".into(),
            version_id: "v".into(),
            sha256: String::new(),
            at: 1_795_446_309,
        }
    }

    fn log(name: &str, key: &str, error: Option<&str>) -> Vec<u8> {
        let records = json!({"Records": [{"eventName": name, "errorCode": error,
            "requestParameters": {"bucketName": "raw", "key": key}}]});
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(records.to_string().as_bytes()).unwrap();
        packed.finish().unwrap()
    }

    #[test]
    fn the_put_of_the_file_is_found() {
        let key = "incoming/smoke-test/a.txt";
        for (bytes, expected) in [
            (log("PutObject", key, None), true),
            (log("GetObject", key, None), false),
            (log("PutObject", "incoming/b", None), false),
            (log("PutObject", key, Some("AccessDenied")), false),
        ] {
            assert_eq!(has(&bytes, &sent()).unwrap(), expected);
        }
        assert!(has(b"{}", &sent()).is_err());
    }

    #[test]
    fn older_logs_are_not_read() {
        let name = |stamp: &str| {
            format!(
                "AWSLogs/1/CloudTrail/eu-central-1/2026/11/23/1_CloudTrail_eu-central-1_{stamp}_x0Y.json.gz"
            )
        };
        assert_eq!(crate::time::rfc3339(sent().at), "2026-11-23T15:05:09Z");
        assert!(delivered_since(&name("20261123T1505Z"), sent().at));
        assert!(delivered_since(&name("20261123T1500Z"), sent().at));
        assert!(!delivered_since(&name("20261123T1455Z"), sent().at));
        assert!(!delivered_since("AWSLogs/1/CloudTrail/x.txt", sent().at));
    }
}
