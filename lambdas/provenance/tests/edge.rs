//! The handler against a fake S3: which requests it sends, and which records it writes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fake_s3;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fake_s3::{Cut, Request, Response, config, serve};
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

/// An in-memory S3 behind HTTP, and all requests in order.
#[derive(Default)]
struct FakeAccount {
    s3: Mutex<S3>,
    requests: Mutex<Vec<Request>>,
}

impl FakeAccount {
    fn put(&self, bytes: &[u8]) -> String {
        let mut s3 = self.s3.lock().unwrap();
        s3.put("raw", KEY, bytes, false).unwrap()
    }

    fn calls(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let name = |r: &Request| format!("{} {}", r.method, location(r).0);
        requests.iter().map(name).collect()
    }

    fn receipt(&self, key: &str) -> Receipt {
        let s3 = self.s3.lock().unwrap();
        let object = s3.get("receipts", key, None).unwrap();
        serde_json::from_slice(object.body.as_deref().unwrap()).unwrap()
    }

    fn respond(&self, request: &Request) -> Response {
        self.requests.lock().unwrap().push(request.clone());
        let (bucket, key, query) = location(request);
        let named = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let mut s3 = self.s3.lock().unwrap();
        if named("versions").is_some() {
            return versions(&s3, named("prefix").unwrap());
        }
        if request.method == "PUT" {
            let only_new = request.headers.contains_key("if-none-match");
            return match s3.put(&bucket, &key, &request.body, only_new) {
                Ok(_) => Response::of(200),
                Err(_) => Response::error(412, "PreconditionFailed"),
            };
        }
        match s3.get(&bucket, &key, named("versionId")) {
            Ok(object) => Response::object(object.body.as_deref().unwrap(), request),
            Err(_) => Response::error(404, "NoSuchKey"),
        }
    }
}

/// Bucket, key and query of a request.
fn location(request: &Request) -> (String, String, Vec<(String, String)>) {
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
fn versions(s3: &S3, key: &str) -> Response {
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
    Response { body: text.into_bytes(), ..Response::of(200) }
}

async fn fake_account() -> (Arc<FakeAccount>, String) {
    let account = Arc::new(FakeAccount::default());
    let responder = Arc::clone(&account);
    (account, serve(move |request| responder.respond(request)).await)
}

/// Invokes the handler directly with one event.
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

#[tokio::test]
async fn a_receipt_is_announced_and_written() {
    let (account, url) = fake_account().await;
    let version = account.put(b"1,2,3");
    let event = json!({"key": KEY, "version-id": version, "size": 5, "sequencer": "0055"});
    handle(&url, event.clone()).await.unwrap();
    let record_key = format!("provenance/raw/{KEY}/{version}~.json");
    let receipt = account.receipt(&record_key);
    let entry = receipt.journal_entry();
    let calls = [
        "HEAD receipts".to_owned(),
        "HEAD raw".to_owned(),
        "GET raw".to_owned(),
        "PUT receipts".to_owned(),
        "PUT receipts".to_owned(),
    ];
    assert_eq!(account.calls(), calls);
    assert_eq!(receipt.sha256, Some(sha256(b"1,2,3")));
    assert_eq!((receipt.size, receipt.etag.as_deref()), (Some(5), Some("e1")));
    let age = Timestamp::now().as_millis() - receipt.recorded_at.as_millis();
    assert!(age < 60_000, "{age} ms");
    let requests = account.requests.lock().unwrap().clone();
    let (entry_put, record_put) = (&requests[3], &requests[4]);
    assert!(entry_put.target.starts_with("/receipts/journal/"));
    assert_eq!(serde_json::from_slice::<JournalEntry>(&entry_put.body).unwrap(), entry);
    for put in [entry_put, record_put] {
        assert_eq!(put.headers["if-none-match"], "*", "the bucket policy requires it");
        assert_eq!(put.headers["content-type"], "application/json");
        assert!(put.headers.contains_key("x-amz-checksum-sha256"), "{:?}", put.headers);
    }
    // A redelivery only checks the receipt.
    handle(&url, event).await.unwrap();
    assert_eq!(account.calls().len(), 6);
}

/// The emulator's events have no version-id.
#[tokio::test]
async fn an_event_without_a_version_id_is_resolved_by_its_etag() {
    let (account, url) = fake_account().await;
    let first = account.put(b"1");
    account.put(b"2");
    let etag = &sha256(b"1")[..32];
    handle(&url, json!({"key": KEY, "etag": etag})).await.unwrap();
    let receipt = account.receipt(&format!("provenance/raw/{KEY}/{first}~.json"));
    assert_eq!((receipt.sha256, receipt.pinned_late), (Some(sha256(b"1")), true));
}

#[tokio::test]
async fn a_version_that_no_longer_exists_is_recorded_as_gone() {
    let (account, url) = fake_account().await;
    let event = json!({"key": KEY, "version-id": "v9", "size": 3, "etag": "e9"});
    handle(&url, event).await.unwrap();
    let receipt = account.receipt(&format!("provenance/raw/{KEY}/v9~.json"));
    assert_eq!((receipt.state, receipt.size), (ReceiptState::Gone, Some(3)));
    assert_eq!((receipt.etag.as_deref(), receipt.sha256), (Some("e9"), None));
    handle(&url, json!({"key": "incoming/never", "sequencer": "77"})).await.unwrap();
    let unknown = account.receipt("provenance/raw/incoming/never/unknown-77.json");
    assert_eq!((unknown.state, unknown.version_id.as_str()), (ReceiptState::Gone, ""));
}

/// A 403 from either bucket does not show whether the object exists: nothing is written.
#[tokio::test]
async fn denied_access_is_a_fault() {
    for denied in ["receipts", "raw"] {
        let account = Arc::new(FakeAccount::default());
        let version = account.put(b"1");
        let responder = Arc::clone(&account);
        let handler = move |request: &Request| {
            let (bucket, _, query) = location(request);
            let listing = query.iter().any(|(n, _)| n == "versions");
            if bucket == denied && !listing {
                return Response::of(403);
            }
            responder.respond(request)
        };
        let event = json!({"key": KEY, "version-id": version});
        assert!(handle(&serve(handler).await, event).await.is_err());
        assert!(account.s3.lock().unwrap().list("receipts", "").is_empty());
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
async fn a_record_is_never_replaced() {
    let (account, url) = fake_account().await;
    let s3 = aws_sdk_s3::Client::new(&config(&url));
    for expected in [WriteResult::Created, WriteResult::AlreadyExists] {
        write_journal_entry(&s3, "receipts", &receipt().journal_entry()).await.unwrap();
        assert_eq!(put(&s3).await, Ok(expected));
    }
    assert_eq!(account.s3.lock().unwrap().list("receipts", JOURNAL_PREFIX).len(), 1);
    let conflict = |_: &Request| Response::error(409, "ConditionalRequestConflict");
    let s3 = aws_sdk_s3::Client::new(&config(&serve(conflict).await));
    let fault = put(&s3).await.unwrap_err();
    assert!(fault.reason.contains("ConditionalRequestConflict"));
}

/// The ledger closes a period 60 seconds after its end.
#[tokio::test(start_paused = true)]
async fn a_write_without_a_response_times_out() {
    let never = |_: &Request| Response::of(200).cut(0, Cut::Stall).with("content-length", "1");
    let s3 = aws_sdk_s3::Client::new(&config(&serve(never).await));
    let slow = |_: &Request| Response { after: 2 * MINUTE, ..Response::of(200) };
    let slow = aws_sdk_s3::Client::new(&config(&serve(slow).await));
    let started = Instant::now();
    assert!(put(&slow).await.is_err());
    assert!(write_journal_entry(&slow, "receipts", &receipt().journal_entry()).await.is_err());
    assert!(put(&s3).await.is_err());
    assert!(started.elapsed() <= 31 * Duration::from_secs(1));
}

/// Hashing stops in time for the two writes, and does not start with too little time.
#[tokio::test(start_paused = true)]
async fn a_version_that_is_read_too_slowly_is_deferred() {
    let slow = |_: &Request| Response { after: 10 * MINUTE, ..Response::of(200) };
    let aws = Aws::new(&config(&serve(slow).await), "receipts".into());
    let attributes = ObjectAttributes { size: 1, etag: None, last_modified: None, checksums: Vec::new() };
    let effect = Effect::Hash(version(), attributes);
    let started = Instant::now();
    let result = aws.perform(&effect, started + MINUTE).await;
    assert_eq!(result, Ok(EffectResult::OutOfTime));
    let left = MINUTE - started.elapsed();
    assert!(left >= Duration::from_secs(20), "{left:?} for two writes of 10 s");
    assert!(aws.perform(&effect, Instant::now() + MINUTE / 2).await.is_err());
}

/// Without URL encoding, S3 lists such a key with character references that XML 1.0 does not allow.
#[tokio::test]
async fn a_key_with_control_characters_is_found_in_a_listing() {
    let url = serve(|_| {
        let text = "<ListVersionsResult><IsTruncated>false</IsTruncated><Version>\
                    <Key>incoming/&#x1;&#x1f;&#13;&#xffff;&amp;</Key><VersionId>v</VersionId><Size>1</Size>\
                    </Version></ListVersionsResult>";
        Response { body: text.into(), ..Response::of(200) }
    })
    .await;
    let aws = Aws::new(&config(&url), "receipts".into());
    let effect =
        Effect::ResolveVersion { bucket: "raw".into(), key: "incoming/\u{1}\u{1f}\r\u{ffff}&".into(), etag: None };
    let found = aws.perform(&effect, Instant::now() + MINUTE).await;
    assert!(matches!(found, Ok(EffectResult::Listed(Some(_)))), "{found:?}");
}

/// The response to a `HeadObject` has no body: after a 400, a `GetObject` returns the error code.
#[tokio::test]
async fn a_version_that_s3_permanently_refuses_is_recorded_as_unreadable() {
    for (head, get, code) in
        [(200, 403, "InvalidObjectState"), (400, 400, "InvalidRequest"), (400, 400, "KMS.DisabledException")]
    {
        let account = Arc::new(FakeAccount::default());
        let version = account.put(b"1");
        let responder = Arc::clone(&account);
        let handler = move |request: &Request| {
            let (bucket, _, query) = location(request);
            let listing = query.iter().any(|(n, _)| n == "versions");
            match request.method.as_str() {
                "HEAD" if bucket == "raw" && head != 200 => Response::of(head),
                "GET" if bucket == "raw" && !listing => Response::error(get, code),
                _ => responder.respond(request),
            }
        };
        let event = json!({"key": KEY, "version-id": version});
        handle(&serve(handler).await, event).await.unwrap();
        let receipt = account.receipt(&format!("provenance/raw/{KEY}/{version}~.unreadable.json"));
        assert_eq!(receipt.state, ReceiptState::Unreadable, "{code}");
        assert_eq!(receipt.reason.as_deref(), Some(code));
    }
}

/// The 400 may be caused by expired credentials, and the version may not exist.
#[tokio::test]
async fn a_400_of_a_head_is_a_fault_or_gone_if_the_get_says_so() {
    let account = Arc::new(FakeAccount::default());
    let version = account.put(b"1");
    let responder = Arc::clone(&account);
    let expired = move |request: &Request| {
        let (bucket, _, query) = location(request);
        let listing = query.iter().any(|(n, _)| n == "versions");
        match request.method.as_str() {
            "HEAD" if bucket == "raw" => Response::of(400),
            "GET" if bucket == "raw" && !listing => Response::error(400, "ExpiredToken"),
            _ => responder.respond(request),
        }
    };
    let event = json!({"key": KEY, "version-id": version});
    assert!(handle(&serve(expired).await, event).await.is_err());
    assert!(account.s3.lock().unwrap().list("receipts", "").is_empty());
    let responder = Arc::clone(&account);
    let malformed = move |request: &Request| match location(request).0.as_str() {
        "raw" if request.method == "HEAD" => Response::of(400),
        "raw" if !request.target.contains("versions") => Response::error(400, "InvalidArgument"),
        _ => responder.respond(request),
    };
    let event = json!({"key": KEY, "version-id": "v9"});
    handle(&serve(malformed).await, event).await.unwrap();
    let receipt = account.receipt(&format!("provenance/raw/{KEY}/v9~.json"));
    assert_eq!(receipt.state, ReceiptState::Gone);
}

#[tokio::test]
async fn a_key_with_control_characters_gets_its_receipt() {
    let (account, url) = fake_account().await;
    let key = "incoming/\u{1}\u{1f}\r\n\u{7f}\u{fffe}\u{ffff}&.json";
    let version = account.s3.lock().unwrap().put("raw", key, b"1", false).unwrap();
    handle(&url, json!({"key": key, "version-id": version})).await.unwrap();
    let receipt =
        account.receipt(&receipt_key(&ObjectVersion { bucket: "raw".into(), key: key.into(), version_id: version }));
    assert_eq!((receipt.key.as_str(), receipt.sha256), (key, Some(sha256(b"1"))));
}
