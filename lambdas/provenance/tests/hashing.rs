//! Reading and hashing a version from a fake S3: every size, and every way in which a response can fail.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fake_s3;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fake_s3::{Cut, Request, Response, config, serve};
use provenance::hash::{Reader, hash};
use provenance::inspect::{ReadError, inspect};
use sluice_types::digest::sha256;
use sluice_types::{Checksum, ObjectAttributes, ObjectVersion};

const PART: usize = 1024;

fn version() -> ObjectVersion {
    ObjectVersion { bucket: "raw".into(), key: "in coming/a+b ü.bin".into(), version_id: "v1".into() }
}

fn attributes(size: usize) -> ObjectAttributes {
    ObjectAttributes { size: size as u64, etag: Some("e1".into()), last_modified: None, checksums: Vec::new() }
}

/// Pseudo-random bytes, so that no two parts are the same.
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
    attributes: &ObjectAttributes,
    reader: &Arc<Reader>,
    handler: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> Result<String, ReadError> {
    let s3 = aws_sdk_s3::Client::new(&config(&serve(handler).await));
    hash(&s3, &version(), attributes, reader, |_| ()).await
}

/// The sizes around each boundary of a block, a part and the buffers.
fn sizes(part: usize) -> Vec<usize> {
    let around = [part, 2 * part, 3 * part, 4 * part, 7 * part];
    let around = around.into_iter().flat_map(|n| [n - 1, n, n + 1]);
    [0, 1, 55, 56, 63, 64, 65, 127, 128].into_iter().chain(around).collect()
}

#[tokio::test]
async fn every_size_is_hashed_with_and_without_ranges() {
    for size in sizes(PART) {
        let bytes = Arc::new(bytes(size));
        for ranges in [true, false] {
            let body = Arc::clone(&bytes);
            let handler = move |request: &Request| {
                let request = if ranges { request.clone() } else { Request::default() };
                Response::object(&body, &request)
            };
            let found = read(&attributes(size), &small(), handler).await;
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
        let handler = move |request: &Request| Response::object(&body, request);
        let hashed_bytes = AtomicU64::new(0);
        let s3 = aws_sdk_s3::Client::new(&config(&serve(handler).await));
        let progress = |bytes| {
            hashed_bytes.fetch_add(bytes, Ordering::Relaxed);
        };
        let found = hash(&s3, &version(), &attributes(size), &Reader::new(), progress).await;
        assert_eq!(found, Ok(expected));
        assert_eq!(hashed_bytes.into_inner(), size as u64);
    }
}

#[tokio::test]
async fn an_empty_version_has_the_digest_of_no_bytes() {
    let found = read(&attributes(0), &small(), |r| Response::object(b"", r)).await;
    let known = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(found, Ok(known.to_owned()));
}

#[tokio::test]
async fn each_request_names_the_version_and_no_checksum_mode() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (log, body) = (Arc::clone(&seen), bytes(3000));
    let handler = move |request: &Request| {
        log.lock().unwrap().push(request.clone());
        Response::object(&body, request)
    };
    read(&attributes(3000), &small(), handler).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    for request in seen.iter() {
        let (path, query) = request.target.split_once('?').unwrap();
        assert_eq!(path, "/raw/in%20coming/a%2Bb%20%C3%BC.bin");
        assert!(query.contains("versionId=v1"));
        assert!(!request.headers.contains_key("x-amz-checksum-mode"));
    }
}

/// Parts are fetched ahead of hashing, and never more of them than there are buffers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_reads_share_the_buffers() {
    let body = bytes(20 * PART);
    let expected = Ok(sha256(&body));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let handler = move |request: &Request| {
        log.lock().unwrap().push(std::time::Instant::now());
        Response { after: Duration::from_millis(20), ..Response::object(&body, request) }
    };
    let s3 = aws_sdk_s3::Client::new(&config(&serve(handler).await));
    let reader = small();
    let (version, attributes) = (version(), attributes(20 * PART));
    let one = || hash(&s3, &version, &attributes, &reader, |_| ());
    let found = tokio::join!(one(), one(), one(), one());
    assert_eq!(found, (expected.clone(), expected.clone(), expected.clone(), expected));
    let mut asked = asked.lock().unwrap().clone();
    asked.sort();
    // A response takes 20 ms: of any four requests, the last one waited for a response.
    let close = |window: &&[std::time::Instant]| window[3] - window[0] < Duration::from_millis(18);
    assert_eq!(asked.windows(4).filter(close).count(), 0);
    let together = |w: &&[std::time::Instant]| w[2] - w[0] < Duration::from_millis(18);
    assert!(asked.windows(3).filter(together).count() > 0, "no part was fetched ahead");
}

/// A handler that changes the response to the `nth` request (from 0; to all requests without it) for the part at `from`.
fn except(
    size: usize,
    from: usize,
    nth: Option<usize>,
    other: impl Fn(Response) -> Response + Send + Sync + 'static,
) -> impl Fn(&Request) -> Response + Send + Sync + 'static {
    let (body, count) = (bytes(size), AtomicUsize::new(0));
    move |request| {
        let answer = Response::object(&body, request);
        let here = request.range().is_none_or(|(f, _)| f == from);
        let now = here.then(|| count.fetch_add(1, Ordering::Relaxed));
        match now {
            Some(n) if nth.is_none_or(|nth| nth == n) => other(answer),
            _ => answer,
        }
    }
}

#[tokio::test]
async fn a_part_that_ends_early_is_fetched_a_second_time() {
    let (size, expected) = (5 * PART, sha256(&bytes(5 * PART)));
    for (from, cut) in [(0, Cut::Close), (2 * PART, Cut::Close), (2 * PART, Cut::Stall)] {
        let handler = except(size, from, Some(0), move |a| a.cut(100, cut));
        assert_eq!(read(&attributes(size), &small(), handler).await, Ok(expected.clone()));
        let handler = except(size, from, None, move |a| a.cut(100, cut));
        let found = read(&attributes(size), &small(), handler).await;
        assert!(matches!(found, Err(ReadError::Fault(_))), "{found:?}");
    }
}

#[tokio::test]
async fn a_whole_body_that_ends_early_is_a_fault() {
    for cut in [Cut::Close, Cut::Stall] {
        let handler = except(100, 0, None, move |a| a.cut(99, cut));
        let found = read(&attributes(100), &small(), handler).await;
        assert!(matches!(found, Err(ReadError::Fault(_))), "{found:?}");
    }
    let body = bytes(5 * PART);
    let whole = move |_: &Request| Response::object(&body, &Request::default()).cut(3000, Cut::Close);
    let found = read(&attributes(5 * PART), &small(), whole).await;
    assert!(matches!(found, Err(ReadError::Fault(_))), "{found:?}");
}

#[tokio::test]
async fn more_or_fewer_bytes_than_s3_reported_are_a_fault() {
    for reported in [99, 101, 3000] {
        let whole = |_: &Request| Response::object(&bytes(100), &Request::default());
        let found = read(&attributes(reported), &small(), whole).await;
        assert!(matches!(found, Err(ReadError::Fault(_))), "{reported}: {found:?}");
    }
}

#[tokio::test]
async fn an_error_of_a_later_part_is_not_accessible_or_a_fault() {
    let size = 5 * PART;
    for from in [0, 3 * PART] {
        for (status, code) in [(404, "NoSuchVersion"), (403, "AccessDenied")] {
            let handler = except(size, from, None, move |_| Response::error(status, code));
            match read(&attributes(size), &small(), handler).await {
                Err(ReadError::NotAccessible(fault)) => assert!(fault.reason.contains(code)),
                other => panic!("{other:?}"),
            }
        }
        let once = except(size, from, Some(0), |_| Response::error(503, "SlowDown"));
        assert_eq!(read(&attributes(size), &small(), once).await, Ok(sha256(&bytes(size))));
        let always = except(size, from, None, |_| Response::error(503, "SlowDown"));
        match read(&attributes(size), &small(), always).await {
            Err(ReadError::Fault(fault)) => assert!(fault.reason.contains("SlowDown")),
            other => panic!("{other:?}"),
        }
    }
}

/// The version is replaced while it is read.
#[tokio::test]
async fn bytes_of_another_version_are_a_fault() {
    let size = 5 * PART;
    let others: [fn(Response) -> Response; 3] = [
        |a| Response { headers: Vec::new(), ..a }.with("content-range", "bytes 2048-3071/5120").with("etag", "\"e2\""),
        |a| Response { headers: Vec::new(), ..a }.with("content-range", "bytes 2048-3071/5121"),
        |a| Response { headers: Vec::new(), status: 200, ..a },
    ];
    for other in others {
        let found = read(&attributes(size), &small(), except(size, 2 * PART, None, other)).await;
        assert!(matches!(found, Err(ReadError::Fault(_))), "{found:?}");
    }
}

#[tokio::test]
async fn bytes_that_do_not_match_the_stored_checksum_are_a_fault() {
    let checksum =
        |kind: &str| Checksum { algorithm: "CRC64NVME", kind: Some(kind.to_owned()), value: "rosUhgp5mIg=".into() };
    for (kind, body, fine) in
        [("FULL_OBJECT", b"123456789", true), ("FULL_OBJECT", b"123456780", false), ("COMPOSITE", b"123456780", true)]
    {
        let with_checksum = ObjectAttributes { checksums: vec![checksum(kind)], ..attributes(9) };
        let found = read(&with_checksum, &small(), |r| Response::object(body, r)).await;
        assert_eq!(found.is_ok(), fine, "{found:?}");
        assert!(fine || matches!(found, Err(ReadError::Fault(_))));
    }
}

#[tokio::test]
async fn attributes_are_read_from_the_head_response() {
    let handler = |request: &Request| {
        assert_eq!(request.headers["x-amz-checksum-mode"], "ENABLED");
        Response::of(200)
            .with("content-length", "5000000000")
            .with("etag", "\"e1-600\"")
            .with("last-modified", "Sun, 23 Nov 2025 14:05:09 GMT")
            .with("x-amz-checksum-crc64nvme", "rosUhgp5mIg=")
            .with("x-amz-checksum-type", "FULL_OBJECT")
    };
    let s3 = aws_sdk_s3::Client::new(&config(&serve(handler).await));
    let attributes = inspect(&s3, &version()).await.unwrap();
    assert_eq!(attributes.size, 5_000_000_000);
    assert_eq!(attributes.etag.as_deref(), Some("e1-600"));
    assert_eq!(attributes.last_modified.unwrap().to_string(), "2025-11-23T14:05:09.000Z");
    let checksum = &attributes.checksums[0];
    assert_eq!((checksum.algorithm, checksum.kind.as_deref()), ("CRC64NVME", Some("FULL_OBJECT")));
    for status in [403, 404] {
        let s3 = aws_sdk_s3::Client::new(&config(&serve(move |_| Response::of(status)).await));
        assert!(matches!(inspect(&s3, &version()).await, Err(ReadError::NotAccessible(_))));
    }
}
