//! Logs made by hand.

use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use std::io::Write;

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

fn question(version_id: &str) -> Question {
    Question {
        version: Version { bucket: "raw".into(), key: "incoming/a".into(), version_id: version_id.into() },
        at: AT,
        begun: false,
    }
}

fn ask(question: &Question, records: &Value, stamps: &[i64], now: i64) -> Answer {
    let mut found = Creations::default();
    creations(&log(records)).unwrap().into_iter().for_each(|c| found.add(c));
    question.answer(&stamps.iter().copied().collect(), &found, &[], now)
}

#[test]
fn the_creation_of_a_version_is_found() {
    let stamps = [AT];
    for (record, expected) in [
        (event("PutObject", None, Some("v")), Answer::Created),
        (event("CopyObject", None, Some("v")), Answer::Created),
        (event("PostObject", None, None), Answer::Created),
        (event("PutObject", None, Some("w")), Answer::NotCreated),
        (event("GetObject", None, Some("v")), Answer::NotCreated),
        (event("PutObject", Some("AccessDenied"), None), Answer::NotCreated),
    ] {
        let answer = ask(&question("v"), &json!([record]), &stamps, AT + 4000);
        assert_eq!(answer, expected, "{record}");
    }
    let unnamed = ask(&question(""), &json!([event("PutObject", None, Some("v"))]), &stamps, AT);
    assert_eq!(unnamed, Answer::Created);
    let form = json!([{"eventName": "PostObject", "requestParameters": {"bucketName": "raw"},
        "resources": [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::raw/incoming/a"}]}]);
    assert_eq!(ask(&question("v"), &form, &stamps, AT), Answer::Created);
    assert!(creations(b"{}").is_err() && creations(&log(&json!(7))).is_err());
}

/// That nothing was created is said only of a time that the trail covers.
#[test]
fn what_the_trail_does_not_cover_is_open() {
    let none = json!([]);
    let later = AT + 4000;
    assert_eq!(ask(&question("v"), &none, &[AT + 1800], later), Answer::NotCreated);
    let begun = Question { begun: true, ..question("v") };
    for (question, stamps, now, why) in [
        (&question("v"), &[][..], later, "no logs"),
        (&question("v"), &[AT - 5000, AT + 5000], later, "no logs"),
        (&question("v"), &[AT], AT + 600, "may still deliver"),
        (&begun, &[AT], later, "in parts"),
    ] {
        let answer = ask(question, &none, stamps, now);
        assert!(matches!(&answer, Answer::Uncovered(said) if said.contains(why)), "{answer:?}");
    }
    let stamps = BTreeSet::from([AT]);
    let answer = question("v").answer(&stamps, &Creations::default(), &[AT], later);
    assert!(matches!(answer, Answer::Uncovered(_)));
}

#[test]
fn a_log_is_dated_by_its_name() {
    let name = |stamp: &str| {
        format!("AWSLogs/1/CloudTrail/eu-central-1/2026/11/23/1_CloudTrail_eu-central-1_{stamp}_x0Y.json.gz")
    };
    assert_eq!(stamp(&name("20261123T1505Z")), Some(AT - 9));
    for other in ["AWSLogs/1/CloudTrail/x.txt", "a_b_c.json.gz", &name("20261323T1505Z")] {
        assert_eq!(stamp(other), None, "{other}");
    }
    assert!(may_have(&name("20261123T1505Z"), AT) && may_have(&name("20261123T1500Z"), AT));
    assert!(!may_have(&name("20261123T1455Z"), AT));
}
