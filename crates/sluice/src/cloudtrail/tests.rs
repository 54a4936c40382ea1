//! Hand-made log files.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::*;

/// 2026-11-23T15:05:09Z
const AT: i64 = 1_795_446_309;

fn log(records: &Value) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let text = json!({"Records": records}).to_string();
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

fn event(name: &str, error: Option<&str>, version: Option<&str>) -> Value {
    json!({"eventName": name, "eventTime": "2026-11-23T15:05:09Z", "errorCode": error,
        "requestParameters": {"bucketName": "raw", "key": "incoming/a"},
        "responseElements": version.map(|v| json!({"x-amz-version-id": v}))})
}

fn query(version_id: &str) -> CreationQuery {
    CreationQuery {
        version: ObjectVersion { bucket: "raw".into(), key: "incoming/a".into(), version_id: version_id.into() },
        at: AT,
        may_be_upload_start: false,
    }
}

fn answer(query: &CreationQuery, records: &Value, log_times: &[i64], now: i64) -> CreationStatus {
    let mut search = LogSearch { log_times: log_times.iter().copied().collect(), ..LogSearch::default() };
    parse_log(&log(records)).unwrap().iter().filter_map(creation_event).for_each(|event| search.events.add(event));
    query.answer(&search, now)
}

#[test]
fn the_creation_event_of_a_version_is_found() {
    let log_times = [AT];
    for (record, expected) in [
        (event("PutObject", None, Some("v")), CreationStatus::Created),
        (event("CopyObject", None, Some("v")), CreationStatus::Created),
        (event("PostObject", None, None), CreationStatus::Created),
        (event("PutObject", None, Some("w")), CreationStatus::NotCreated),
        (event("GetObject", None, Some("v")), CreationStatus::NotCreated),
        (event("PutObject", Some("AccessDenied"), None), CreationStatus::NotCreated),
    ] {
        let status = answer(&query("v"), &json!([record]), &log_times, AT + 4000);
        assert_eq!(status, expected, "{record}");
    }
    let without_version_id = answer(&query(""), &json!([event("PutObject", None, Some("v"))]), &log_times, AT);
    assert_eq!(without_version_id, CreationStatus::Created);
    let form = json!([{"eventName": "PostObject", "requestParameters": {"bucketName": "raw"},
        "resources": [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::raw/incoming/a"}]}]);
    assert_eq!(answer(&query("v"), &form, &log_times, AT), CreationStatus::Created);
    assert!(parse_log(b"{}").is_err() && parse_log(&log(&json!(7))).is_err());
}

/// `NotCreated` needs a trail that covers the time.
#[test]
fn a_time_without_log_files_is_uncovered() {
    let none = json!([]);
    let later = AT + 4000;
    assert_eq!(answer(&query("v"), &none, &[AT + 1800], later), CreationStatus::NotCreated);
    let upload_start = CreationQuery { may_be_upload_start: true, ..query("v") };
    for (query, log_times, now, why) in [
        (&query("v"), &[][..], later, "no log files"),
        (&query("v"), &[AT - 5000, AT + 5000], later, "no log files"),
        (&query("v"), &[AT], AT + 600, "may still deliver"),
        (&upload_start, &[AT], later, "in parts"),
    ] {
        let status = answer(query, &none, log_times, now);
        assert!(matches!(&status, CreationStatus::Uncovered(text) if text.contains(why)), "{status:?}");
    }
    let search = LogSearch { log_times: BTreeSet::from([AT]), unread_times: vec![AT], ..LogSearch::default() };
    assert!(matches!(query("v").answer(&search, later), CreationStatus::Uncovered(_)));
}

#[test]
fn the_time_of_a_log_file_is_in_its_name() {
    let name = |stamp: &str| {
        format!("AWSLogs/1/CloudTrail/eu-central-1/2026/11/23/1_CloudTrail_eu-central-1_{stamp}_x0Y.json.gz")
    };
    assert_eq!(log_time(&name("20261123T1505Z")), Some(AT - 9));
    for other in ["AWSLogs/1/CloudTrail/x.txt", "a_b_c.json.gz", &name("20261323T1505Z")] {
        assert_eq!(log_time(other), None, "{other}");
    }
    assert!(may_contain(&name("20261123T1505Z"), AT) && may_contain(&name("20261123T1500Z"), AT));
    assert!(!may_contain(&name("20261123T1455Z"), AT));
}
