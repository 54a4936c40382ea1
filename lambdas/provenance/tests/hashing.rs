//! Reading a version over HTTP: every size, and every way in which a server can fail to bring the bytes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fake_s3;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fake_s3::{Answer, Cut, Request, config, serve};
use provenance::hash::{Reader, hash};
use provenance::inspect::{ReadError, inspect};
use sluice_types::digest::sha256;
use sluice_types::{Checksum, ObjectAttributes, ObjectVersion};

const PART: usize = 1024;

fn version() -> ObjectVersion {
    ObjectVersion { bucket: "raw".into(), key: "in coming/a+b ü.bin".into(), version_id: "v1".into() }
}

fn facts(size: usize) -> ObjectAttributes {
    ObjectAttributes { size: size as u64, etag: Some("e1".into()), last_modified: None, checksums: Vec::new() }
}

/// Bytes of which no two parts are alike.
fn bytes(size: usize) -> Vec<u8> {
    let mut state = size as u64;
    let next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(size).collect()
}

fn small() -> Arc<Reader> {
    Reader::with(3, PART as u64, Duration::from_millis(300))
}

async fn read(
    facts: &ObjectAttributes,
    reader: &Arc<Reader>,
    handler: impl Fn(&Request) -> Answer + Send + Sync + 'static,
) -> Result<String, ReadError> {
    let s3 = aws_sdk_s3::Client::new(&config(&serve(handler).await));
    hash(&s3, &version(), facts, reader, |_| ()).await
}

/// The sizes around each boundary of a block, a part and the buffers.
fn sizes(part: usize) -> Vec<usize> {
    let around = [part, 2 * part, 3 * part, 4 * part, 7 * part];
    let around = around.into_iter().flat_map(|n| [n - 1, n, n + 1]);
    [0, 1, 55, 56, 63, 64, 65, 127, 128].into_iter().chain(around).collect()
}

#[tokio::test]
async fn every_size_is_hashed_whether_or_not_the_server_knows_ranges() {
    for size in sizes(PART) {
        let bytes = Arc::new(bytes(size));
        for ranges in [true, false] {
            let body = Arc::clone(&bytes);
            let handler = move |request: &Request| {
                let request = if ranges { request.clone() } else { Request::default() };
                Answer::object(&body, &request)
            };
            let found = read(&facts(size), &small(), handler).await;
            assert_eq!(found, Ok(sha256(&bytes)), "{size} bytes, ranges: {ranges}");
        }
    }
}

#[tokio::test]
async fn the_deployed_reader_hashes_every_size_too() {
    let part = 4 << 20;
    for size in [0, part - 1, part, part + 1, 8 * part + 3] {
        let body = bytes(size);
        let expected = sha256(&body);
        let handler = move |request: &Request| Answer::object(&body, request);
        let told = AtomicU64::new(0);
        let s3 = aws_sdk_s3::Client::new(&config(&serve(handler).await));
        let progress = |bytes| {
            told.fetch_add(bytes, Ordering::Relaxed);
        };
        let found = hash(&s3, &version(), &facts(size), &Reader::new(), progress).await;
        assert_eq!(found, Ok(expected));
        assert_eq!(told.into_inner(), size as u64);
    }
}

/// The digest of no bytes, which everybody knows.
#[tokio::test]
async fn nothing_has_a_digest() {
    let found = read(&facts(0), &small(), |r| Answer::object(b"", r)).await;
    let known = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(found, Ok(known.to_owned()));
}

/// It is exactly the version that is asked for, and the checks of the SDK are not asked for.
#[tokio::test]
async fn each_request_names_the_version() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (log, body) = (Arc::clone(&seen), bytes(3000));
    let handler = move |request: &Request| {
        log.lock().unwrap().push(request.clone());
        Answer::object(&body, request)
    };
    read(&facts(3000), &small(), handler).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    for request in seen.iter() {
        let (path, query) = request.target.split_once('?').unwrap();
        assert_eq!(path, "/raw/in%20coming/a%2Bb%20%C3%BC.bin");
        assert!(query.contains("versionId=v1"));
        assert!(!request.headers.contains_key("x-amz-checksum-mode"));
    }
}

/// Two versions at once share the buffers: parts come ahead of the hash, and never more of them than there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_readings_together_hold_no_more_than_the_buffers() {
    let body = bytes(20 * PART);
    let expected = Ok(sha256(&body));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let handler = move |request: &Request| {
        log.lock().unwrap().push(std::time::Instant::now());
        Answer { after: Duration::from_millis(20), ..Answer::object(&body, request) }
    };
    let s3 = aws_sdk_s3::Client::new(&config(&serve(handler).await));
    let reader = small();
    let (version, facts) = (version(), facts(20 * PART));
    let one = || hash(&s3, &version, &facts, &reader, |_| ());
    let found = tokio::join!(one(), one(), one(), one());
    assert_eq!(found, (expected.clone(), expected.clone(), expected.clone(), expected));
    let mut asked = asked.lock().unwrap().clone();
    asked.sort();
    // A part takes its server 20 ms: of any four that were asked for, the last waited for one to come.
    let close = |window: &&[std::time::Instant]| window[3] - window[0] < Duration::from_millis(18);
    assert_eq!(asked.windows(4).filter(close).count(), 0);
    let together = |w: &&[std::time::Instant]| w[2] - w[0] < Duration::from_millis(18);
    assert!(asked.windows(3).filter(together).count() > 0, "nothing was fetched ahead");
}

/// A handler that answers the `nth` request for the part at `from` (counted from 0; all, without it) otherwise.
fn except(
    size: usize,
    from: usize,
    nth: Option<usize>,
    other: impl Fn(Answer) -> Answer + Send + Sync + 'static,
) -> impl Fn(&Request) -> Answer + Send + Sync + 'static {
    let (body, count) = (bytes(size), AtomicUsize::new(0));
    move |request| {
        let answer = Answer::object(&body, request);
        let here = request.range().is_none_or(|(f, _)| f == from);
        let now = here.then(|| count.fetch_add(1, Ordering::Relaxed));
        match now {
            Some(n) if nth.is_none_or(|nth| nth == n) => other(answer),
            _ => answer,
        }
    }
}

#[tokio::test]
async fn a_part_that_breaks_off_is_fetched_again_once() {
    let (size, expected) = (5 * PART, sha256(&bytes(5 * PART)));
    for (from, cut) in [(0, Cut::Close), (2 * PART, Cut::Close), (2 * PART, Cut::Stall)] {
        let handler = except(size, from, Some(0), move |a| a.cut(100, cut));
        assert_eq!(read(&facts(size), &small(), handler).await, Ok(expected.clone()));
        let handler = except(size, from, None, move |a| a.cut(100, cut));
        let found = read(&facts(size), &small(), handler).await;
        assert!(matches!(found, Err(ReadError::Fault(_))), "{found:?}");
    }
}

#[tokio::test]
async fn a_whole_body_that_breaks_off_is_a_fault() {
    for cut in [Cut::Close, Cut::Stall] {
        let handler = except(100, 0, None, move |a| a.cut(99, cut));
        let found = read(&facts(100), &small(), handler).await;
        assert!(matches!(found, Err(ReadError::Fault(_))), "{found:?}");
    }
    let body = bytes(5 * PART);
    let whole = move |_: &Request| Answer::object(&body, &Request::default()).cut(3000, Cut::Close);
    let found = read(&facts(5 * PART), &small(), whole).await;
    assert!(matches!(found, Err(ReadError::Fault(_))), "{found:?}");
}

/// Fewer or more bytes than S3 said, without the connection breaking.
#[tokio::test]
async fn another_number_of_bytes_is_a_fault() {
    for told in [99, 101, 3000] {
        let whole = |_: &Request| Answer::object(&bytes(100), &Request::default());
        let found = read(&facts(told), &small(), whole).await;
        assert!(matches!(found, Err(ReadError::Fault(_))), "{told}: {found:?}");
    }
}

#[tokio::test]
async fn what_s3_refuses_midway_is_absent_or_a_fault() {
    let size = 5 * PART;
    for from in [0, 3 * PART] {
        for (status, code) in [(404, "NoSuchVersion"), (403, "AccessDenied")] {
            let handler = except(size, from, None, move |_| Answer::error(status, code));
            match read(&facts(size), &small(), handler).await {
                Err(ReadError::NotAccessible(fault)) => assert!(fault.reason.contains(code)),
                other => panic!("{other:?}"),
            }
        }
        let once = except(size, from, Some(0), |_| Answer::error(503, "SlowDown"));
        assert_eq!(read(&facts(size), &small(), once).await, Ok(sha256(&bytes(size))));
        let always = except(size, from, None, |_| Answer::error(503, "SlowDown"));
        match read(&facts(size), &small(), always).await {
            Err(ReadError::Fault(fault)) => assert!(fault.reason.contains("SlowDown")),
            other => panic!("{other:?}"),
        }
    }
}

/// A server that loses the version while it is read: never a digest of two versions' bytes.
#[tokio::test]
async fn bytes_of_another_version_are_a_fault() {
    let size = 5 * PART;
    let others: [fn(Answer) -> Answer; 3] = [
        |a| Answer { headers: Vec::new(), ..a }.with("content-range", "bytes 2048-3071/5120").with("etag", "\"e2\""),
        |a| Answer { headers: Vec::new(), ..a }.with("content-range", "bytes 2048-3071/5121"),
        |a| Answer { headers: Vec::new(), status: 200, ..a },
    ];
    for other in others {
        let found = read(&facts(size), &small(), except(size, 2 * PART, None, other)).await;
        assert!(matches!(found, Err(ReadError::Fault(_))), "{found:?}");
    }
}

#[tokio::test]
async fn a_checksum_that_s3_keeps_of_other_bytes_is_a_fault() {
    let checksum =
        |kind: &str| Checksum { algorithm: "CRC64NVME", kind: Some(kind.to_owned()), value: "rosUhgp5mIg=".into() };
    for (kind, body, fine) in
        [("FULL_OBJECT", b"123456789", true), ("FULL_OBJECT", b"123456780", false), ("COMPOSITE", b"123456780", true)]
    {
        let told = ObjectAttributes { checksums: vec![checksum(kind)], ..facts(9) };
        let found = read(&told, &small(), |r| Answer::object(body, r)).await;
        assert_eq!(found.is_ok(), fine, "{found:?}");
        assert!(fine || matches!(found, Err(ReadError::Fault(_))));
    }
}

#[tokio::test]
async fn the_facts_are_what_s3_says() {
    let handler = |request: &Request| {
        assert_eq!(request.headers["x-amz-checksum-mode"], "ENABLED");
        Answer::of(200)
            .with("content-length", "5000000000")
            .with("etag", "\"e1-600\"")
            .with("last-modified", "Sun, 23 Nov 2025 14:05:09 GMT")
            .with("x-amz-checksum-crc64nvme", "rosUhgp5mIg=")
            .with("x-amz-checksum-type", "FULL_OBJECT")
    };
    let s3 = aws_sdk_s3::Client::new(&config(&serve(handler).await));
    let facts = inspect(&s3, &version()).await.unwrap();
    assert_eq!(facts.size, 5_000_000_000);
    assert_eq!(facts.etag.as_deref(), Some("e1-600"));
    assert_eq!(facts.last_modified.unwrap().to_string(), "2025-11-23T14:05:09.000Z");
    let checksum = &facts.checksums[0];
    assert_eq!((checksum.algorithm, checksum.kind.as_deref()), ("CRC64NVME", Some("FULL_OBJECT")));
    for status in [403, 404] {
        let s3 = aws_sdk_s3::Client::new(&config(&serve(move |_| Answer::of(status)).await));
        assert!(matches!(inspect(&s3, &version()).await, Err(ReadError::NotAccessible(_))));
    }
}
