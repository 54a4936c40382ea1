//! The whole handler over HTTP: which calls it makes, with what, and what they leave behind.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fake_s3;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fake_s3::{Answer, Cut, Request, config, serve};
use lambda_support::fakes::S3;
use percent_encoding::percent_decode_str;
use provenance::Provenance;
use provenance::edge::Aws;
use provenance::effect::{Effect, EffectResult};
use provenance::record_writer::{WriteResult, write_journal_entry, write_record};
use provenance::settings::Settings;
use provenance::watched::WatchedBucket;
use serde_json::{Value, json};
use sluice_types::digest::sha256;
use sluice_types::keys::JOURNAL_PREFIX;
use sluice_types::receipt::receipt_key;
use sluice_types::{JournalEntry, ObjectAttributes, ObjectVersion, Receipt, ReceiptState, Record, Timestamp};
use tokio::time::Instant;

const KEY: &str = "incoming/a+b ü.csv";
const MINUTE: Duration = Duration::from_secs(60);

/// S3 in memory behind HTTP, and every request in order.
#[derive(Default)]
struct Stand {
    s3: Mutex<S3>,
    seen: Mutex<Vec<Request>>,
}

impl Stand {
    fn put(&self, bytes: &[u8]) -> String {
        let mut s3 = self.s3.lock().unwrap();
        s3.put("raw", KEY, bytes, false).unwrap()
    }

    fn calls(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let name = |r: &Request| format!("{} {}", r.method, place(r).0);
        seen.iter().map(name).collect()
    }

    fn receipt(&self, key: &str) -> Receipt {
        let s3 = self.s3.lock().unwrap();
        let object = s3.get("receipts", key, None).unwrap();
        serde_json::from_slice(object.body.as_deref().unwrap()).unwrap()
    }

    fn answer(&self, request: &Request) -> Answer {
        self.seen.lock().unwrap().push(request.clone());
        let (bucket, key, query) = place(request);
        let named = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let mut s3 = self.s3.lock().unwrap();
        if named("versions").is_some() {
            return versions(&s3, named("prefix").unwrap());
        }
        if request.method == "PUT" {
            let only_new = request.headers.contains_key("if-none-match");
            return match s3.put(&bucket, &key, &request.body, only_new) {
                Ok(_) => Answer::of(200),
                Err(_) => Answer::error(412, "PreconditionFailed"),
            };
        }
        match s3.get(&bucket, &key, named("versionId")) {
            Ok(object) => Answer::object(object.body.as_deref().unwrap(), request),
            Err(_) => Answer::error(404, "NoSuchKey"),
        }
    }
}

/// Bucket, key and query of a request.
fn place(request: &Request) -> (String, String, Vec<(String, String)>) {
    let decode = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let (bucket, key) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
    let pair = |p: &str| {
        let (name, value) = p.split_once('=').unwrap_or((p, ""));
        (name.to_owned(), decode(value))
    };
    (decode(bucket), decode(key), query.split('&').map(pair).collect())
}

/// `ListObjectVersions` of one key, the newest first.
fn versions(s3: &S3, key: &str) -> Answer {
    let versions = s3.versions("raw", key).into_iter().enumerate();
    let versions = versions.map(|(n, v)| {
        let (id, latest) = (&v.version_id, n == 0);
        format!(
            "<Version><Key>{key}</Key><VersionId>{id}</VersionId><IsLatest>{latest}</IsLatest>\
             <ETag>&quot;{}&quot;</ETag><Size>{}</Size></Version>",
            &v.sha256()[..32],
            v.size()
        )
    });
    let versions: String = versions.collect();
    let text = format!("<ListVersionsResult><IsTruncated>false</IsTruncated>{versions}</ListVersionsResult>");
    Answer { body: text.into_bytes(), ..Answer::of(200) }
}

async fn stand() -> (Arc<Stand>, String) {
    let stand = Arc::new(Stand::default());
    let behind = Arc::clone(&stand);
    (stand, serve(move |request| behind.answer(request)).await)
}

/// Hands one event to the handler, as a direct invocation.
async fn handle(url: &str, object: Value) -> Result<(), lambda_runtime::Error> {
    let settings = Settings {
        watched: vec![WatchedBucket { bucket: "raw".into(), prefixes: vec!["incoming/".into()] }],
        receipts_bucket: "receipts".into(),
    };
    let handler = Arc::new(Provenance::new(&config(url), settings));
    let event = json!({"source": "aws.s3", "detail-type": "Object Created", "time": "2026-01-02T03:04:05Z",
        "detail": {"bucket": {"name": "raw"}, "object": object}});
    lambda_support::invocation::handle(&handler, event, MINUTE).await.map(drop)
}

/// The calls in order, each with what it must carry: the journal entry before the record, each only once.
#[tokio::test]
async fn a_receipt_is_announced_and_written() {
    let (stand, url) = stand().await;
    let version = stand.put(b"1,2,3");
    let event = json!({"key": KEY, "version-id": version, "size": 5, "sequencer": "0055"});
    handle(&url, event.clone()).await.unwrap();
    let place = format!("provenance/raw/{KEY}/{version}~.json");
    let receipt = stand.receipt(&place);
    let entry = receipt.journal_entry();
    let calls = [
        "HEAD receipts".to_owned(),
        "HEAD raw".to_owned(),
        "GET raw".to_owned(),
        "PUT receipts".to_owned(),
        "PUT receipts".to_owned(),
    ];
    assert_eq!(stand.calls(), calls);
    assert_eq!(receipt.sha256, Some(sha256(b"1,2,3")));
    assert_eq!((receipt.size, receipt.etag.as_deref()), (Some(5), Some("e1")));
    let age = Timestamp::now().as_millis() - receipt.recorded_at.as_millis();
    assert!(age < 60_000, "{age} ms");
    let seen = stand.seen.lock().unwrap().clone();
    let (announced, written) = (&seen[3], &seen[4]);
    assert!(announced.target.starts_with("/receipts/journal/"));
    assert_eq!(serde_json::from_slice::<JournalEntry>(&announced.body).unwrap(), entry);
    for put in [announced, written] {
        assert_eq!(put.headers["if-none-match"], "*", "the bucket refuses any other write");
        assert_eq!(put.headers["content-type"], "application/json");
        assert!(put.headers.contains_key("x-amz-checksum-sha256"), "{:?}", put.headers);
    }
    // Again: one look, and nothing more.
    handle(&url, event).await.unwrap();
    assert_eq!(stand.calls().len(), 6);
}

/// The emulator's events name no version; each finds its own by the ETag.
#[tokio::test]
async fn an_event_without_a_version_is_pinned_by_its_etag() {
    let (stand, url) = stand().await;
    let first = stand.put(b"1");
    stand.put(b"2");
    let etag = &sha256(b"1")[..32];
    handle(&url, json!({"key": KEY, "etag": etag})).await.unwrap();
    let receipt = stand.receipt(&format!("provenance/raw/{KEY}/{first}~.json"));
    assert_eq!((receipt.sha256, receipt.pinned_late), (Some(sha256(b"1")), true));
}

#[tokio::test]
async fn what_is_gone_is_recorded_as_gone() {
    let (stand, url) = stand().await;
    let event = json!({"key": KEY, "version-id": "v9", "size": 3, "etag": "e9"});
    handle(&url, event).await.unwrap();
    let receipt = stand.receipt(&format!("provenance/raw/{KEY}/v9~.json"));
    assert_eq!((receipt.state, receipt.size), (ReceiptState::Gone, Some(3)));
    assert_eq!((receipt.etag.as_deref(), receipt.sha256), (Some("e9"), None));
    handle(&url, json!({"key": "incoming/never", "sequencer": "77"})).await.unwrap();
    let unknown = stand.receipt("provenance/raw/incoming/never/unknown-77.json");
    assert_eq!((unknown.state, unknown.version_id.as_str()), (ReceiptState::Gone, ""));
}

/// 403 from either bucket proves nothing: the message goes back, and nothing is written.
#[tokio::test]
async fn denied_is_a_fault() {
    for denied in ["receipts", "raw"] {
        let stand = Arc::new(Stand::default());
        let version = stand.put(b"1");
        let behind = Arc::clone(&stand);
        let handler = move |request: &Request| {
            let (bucket, _, query) = place(request);
            let listing = query.iter().any(|(n, _)| n == "versions");
            if bucket == denied && !listing {
                return Answer::of(403);
            }
            behind.answer(request)
        };
        let event = json!({"key": KEY, "version-id": version});
        assert!(handle(&serve(handler).await, event).await.is_err());
        assert!(stand.s3.lock().unwrap().list("receipts", "").is_empty());
    }
}

fn receipt() -> Receipt {
    Receipt::new(&version(), None, ReceiptState::Gone, Timestamp::from_millis(1_763_906_709_007))
}

async fn put(s3: &aws_sdk_s3::Client) -> Result<WriteResult, lambda_support::Fault> {
    write_record(s3, "receipts", receipt().record_key(), receipt().bytes()).await
}

fn version() -> ObjectVersion {
    ObjectVersion { bucket: "raw".into(), key: KEY.into(), version_id: "v1".into() }
}

#[tokio::test]
async fn the_record_is_written_once() {
    let (stand, url) = stand().await;
    let s3 = aws_sdk_s3::Client::new(&config(&url));
    for expected in [WriteResult::Created, WriteResult::AlreadyExists] {
        write_journal_entry(&s3, "receipts", &receipt().journal_entry()).await.unwrap();
        assert_eq!(put(&s3).await, Ok(expected));
    }
    assert_eq!(stand.s3.lock().unwrap().list("receipts", JOURNAL_PREFIX).len(), 1);
    let conflict = |_: &Request| Answer::error(409, "ConditionalRequestConflict");
    let s3 = aws_sdk_s3::Client::new(&config(&serve(conflict).await));
    let fault = put(&s3).await.unwrap_err();
    assert!(fault.reason.contains("ConditionalRequestConflict"));
}

/// The closing of a period waits for writers that are late, but not for ever.
#[tokio::test(start_paused = true)]
async fn a_write_that_is_not_answered_is_given_up() {
    let never = |_: &Request| Answer::of(200).cut(0, Cut::Stall).with("content-length", "1");
    let s3 = aws_sdk_s3::Client::new(&config(&serve(never).await));
    let slow = |_: &Request| Answer { after: 2 * MINUTE, ..Answer::of(200) };
    let slow = aws_sdk_s3::Client::new(&config(&serve(slow).await));
    let begun = Instant::now();
    assert!(put(&slow).await.is_err());
    assert!(write_journal_entry(&slow, "receipts", &receipt().journal_entry()).await.is_err());
    assert!(put(&s3).await.is_err());
    assert!(begun.elapsed() <= 31 * Duration::from_secs(1));
}

/// A version that brings its bytes too slowly is deferred in time for the writes; with no time at all the message
/// goes back at once.
#[tokio::test(start_paused = true)]
async fn the_time_ends_before_the_bytes() {
    let slow = |_: &Request| Answer { after: 10 * MINUTE, ..Answer::of(200) };
    let aws = Aws::new(&config(&serve(slow).await), "receipts".into());
    let facts = ObjectAttributes { size: 1, etag: None, last_modified: None, checksums: Vec::new() };
    let effect = Effect::Hash(version(), facts);
    let begun = Instant::now();
    let outcome = aws.perform(&effect, begun + MINUTE).await;
    assert_eq!(outcome, Ok(EffectResult::OutOfTime));
    let left = MINUTE - begun.elapsed();
    assert!(left >= Duration::from_secs(20), "{left:?} for two writes of 10 s");
    assert!(aws.perform(&effect, Instant::now() + MINUTE / 2).await.is_err());
}

/// S3 lists such a key as a reference that XML 1.0 does not allow, unless it is asked for URL encoding.
#[tokio::test]
async fn a_version_is_found_whose_key_has_control_characters() {
    let url = serve(|_| {
        let text = "<ListVersionsResult><IsTruncated>false</IsTruncated><Version>\
                    <Key>incoming/&#x1;&#x1f;&#13;&#xffff;&amp;</Key><VersionId>v</VersionId><Size>1</Size></Version></ListVersionsResult>";
        Answer {
            body: text.into(),
            ..Answer::of(200)
        }
    })
    .await;
    let aws = Aws::new(&config(&url), "receipts".into());
    let effect =
        Effect::ResolveVersion { bucket: "raw".into(), key: "incoming/\u{1}\u{1f}\r\u{ffff}&".into(), etag: None };
    let found = aws.perform(&effect, Instant::now() + MINUTE).await;
    assert!(matches!(found, Ok(EffectResult::Listed(Some(_)))), "{found:?}");
}

/// What S3 refuses for good is recorded as unreadable with its code, not left to become a dead letter. A head has no
/// body, so its 400 is looked into by a read.
#[tokio::test]
async fn what_s3_refuses_for_good_is_recorded_as_unreadable() {
    for (head, get, code) in
        [(200, 403, "InvalidObjectState"), (400, 400, "InvalidRequest"), (400, 400, "KMS.DisabledException")]
    {
        let stand = Arc::new(Stand::default());
        let version = stand.put(b"1");
        let behind = Arc::clone(&stand);
        let handler = move |request: &Request| {
            let (bucket, _, query) = place(request);
            let listing = query.iter().any(|(n, _)| n == "versions");
            match request.method.as_str() {
                "HEAD" if bucket == "raw" && head != 200 => Answer::of(head),
                "GET" if bucket == "raw" && !listing => Answer::error(get, code),
                _ => behind.answer(request),
            }
        };
        let event = json!({"key": KEY, "version-id": version});
        handle(&serve(handler).await, event).await.unwrap();
        let receipt = stand.receipt(&format!("provenance/raw/{KEY}/{version}~.unreadable.json"));
        assert_eq!(receipt.state, ReceiptState::Unreadable, "{code}");
        assert_eq!(receipt.reason.as_deref(), Some(code));
    }
}

/// A 400 of a head may be about the caller; what is refused and not there is gone.
#[tokio::test]
async fn a_refusal_is_looked_into() {
    let stand = Arc::new(Stand::default());
    let version = stand.put(b"1");
    let behind = Arc::clone(&stand);
    let expired = move |request: &Request| {
        let (bucket, _, query) = place(request);
        let listing = query.iter().any(|(n, _)| n == "versions");
        match request.method.as_str() {
            "HEAD" if bucket == "raw" => Answer::of(400),
            "GET" if bucket == "raw" && !listing => Answer::error(400, "ExpiredToken"),
            _ => behind.answer(request),
        }
    };
    let event = json!({"key": KEY, "version-id": version});
    assert!(handle(&serve(expired).await, event).await.is_err());
    assert!(stand.s3.lock().unwrap().list("receipts", "").is_empty());
    let behind = Arc::clone(&stand);
    let malformed = move |request: &Request| match place(request).0.as_str() {
        "raw" if request.method == "HEAD" => Answer::of(400),
        "raw" if !request.target.contains("versions") => Answer::error(400, "InvalidArgument"),
        _ => behind.answer(request),
    };
    let event = json!({"key": KEY, "version-id": "v9"});
    handle(&serve(malformed).await, event).await.unwrap();
    let receipt = stand.receipt(&format!("provenance/raw/{KEY}/v9~.json"));
    assert_eq!(receipt.state, ReceiptState::Gone);
}

/// Every character that a key may have comes through to the receipt.
#[tokio::test]
async fn a_key_with_control_characters_gets_its_receipt() {
    let (stand, url) = stand().await;
    let key = "incoming/\u{1}\u{1f}\r\n\u{7f}\u{fffe}\u{ffff}&.json";
    let version = stand.s3.lock().unwrap().put("raw", key, b"1", false).unwrap();
    handle(&url, json!({"key": key, "version-id": version})).await.unwrap();
    let receipt =
        stand.receipt(&receipt_key(&ObjectVersion { bucket: "raw".into(), key: key.into(), version_id: version }));
    assert_eq!((receipt.key.as_str(), receipt.sha256), (key, Some(sha256(b"1"))));
}
