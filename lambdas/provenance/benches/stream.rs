//! A 10 GB object through the hash of a version: memory and CPU of the process that hashes.
//!
//! `cargo bench -p provenance --bench stream [-- GIGABYTES]`, on Linux. Three processes that do nothing else: a
//! fake S3 that generates the bytes while it sends them over loopback, the client (`inspect`, then `hash` with the
//! deployed reader, SHA-256 and CRC64NVME), and SHA-256 alone over the same bytes. Three rounds; prints each, with the
//! ratio of CPU time, and fails if the digests differ.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a bench reports")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crc_fast::CrcAlgorithm;
use provenance::hash::{Reader, hash};
use provenance::inspect::inspect;
use sha2::{Digest, Sha256};
use sluice_types::ObjectVersion;
use sluice_types::digest::hex;

/// The object is these bytes over and over; no part of 4 MiB is like the one before.
const CYCLE: usize = (1 << 20) + 4_099;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", size] => serve(size.parse().unwrap()),
        ["client", url] => client(url),
        ["alone", size] => alone(size.parse().unwrap()),
        [] => rounds(10),
        [gigabytes, ..] => rounds(gigabytes.parse().unwrap()),
    }
}

fn rounds(gigabytes: u64) {
    let size = gigabytes * 1_000_000_000;
    let mut server = start(&["serve", &size.to_string()]);
    let mut url = String::new();
    let mut server_output = BufReader::new(server.stdout.take().unwrap());
    server_output.read_line(&mut url).unwrap();
    println!("{gigabytes} GB; CPU seconds per GB");
    println!("| VmHWM, MB | client | SHA-256 alone | ratio | MB/s |");
    println!("|---|---|---|---|---|");
    for _ in 0..3 {
        let alone = output(&["alone", &size.to_string()]);
        let client = output(&["client", url.trim()]);
        assert_eq!(client[0], alone[0], "the digests differ");
        let number = |text: &str| text.parse::<f64>().unwrap();
        let per_gb = |report: &[String]| number(&report[1]) / gigabytes as f64;
        println!(
            "| {:.1} | {:.3} | {:.3} | {:.2} | {:.0} |",
            number(&client[3]) / 1e6,
            per_gb(&client),
            per_gb(&alone),
            per_gb(&client) / per_gb(&alone),
            size as f64 / 1e6 / number(&client[2]),
        );
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments).stdout(Stdio::piped()).spawn().unwrap()
}

fn output(arguments: &[&str]) -> Vec<String> {
    let output = start(arguments).wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().map(str::to_owned).collect()
}

/// Digest, CPU seconds of this process since it started, seconds since `begun`, most memory resident in bytes.
fn report(sha256: &str, begun: Instant) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks: f64 = fields[11..13].iter().map(|t| t.parse::<f64>().unwrap()).sum();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    let most: f64 = most.trim().trim_end_matches(" kB").parse().unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    // Linux counts CPU time in hundredths of a second for every user of /proc.
    println!("{sha256} {} {seconds} {}", ticks / 100.0, most * 1024.0);
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn client(url: &str) {
    let begun = Instant::now();
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(url)
        .build();
    let s3 = aws_sdk_s3::Client::from_conf(config);
    let version = ObjectVersion { bucket: "raw".into(), key: "incoming/large".into(), version_id: "v1".into() };
    let attributes = inspect(&s3, &version).await.unwrap();
    assert!(!attributes.checksums.is_empty());
    let sha256 = hash(&s3, &version, &attributes, &Reader::new(), |_| ()).await;
    report(&sha256.unwrap(), begun);
}

fn alone(size: u64) {
    let begun = Instant::now();
    let mut digest = Sha256::new();
    pieces(0, size, &cycle(), |piece| digest.update(piece));
    report(&hex(&digest.finalize()), begun);
}

fn cycle() -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(CYCLE).collect()
}

/// The bytes `from` to before `to`, in pieces.
fn pieces(from: u64, to: u64, cycle: &[u8], mut take: impl FnMut(&[u8])) {
    let mut at = from;
    while at < to {
        let here = usize::try_from(at % CYCLE as u64).unwrap();
        let piece = &cycle[here..];
        let length = (to - at).min(piece.len() as u64);
        take(&piece[..usize::try_from(length).unwrap()]);
        at += length;
    }
}

fn serve(size: u64) {
    let cycle = Arc::new(cycle());
    let mut crc = crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme);
    pieces(0, size, &cycle, |piece| crc.update(piece));
    let crc = BASE64_STANDARD.encode(crc.finalize().to_be_bytes());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    for stream in listener.incoming() {
        let (stream, cycle, crc) = (stream.unwrap(), Arc::clone(&cycle), crc.clone());
        std::thread::spawn(move || answer(stream, size, &cycle, &crc));
    }
}

/// Answers `HEAD` and ranged `GET`s of one connection until it ends.
fn answer(stream: TcpStream, size: u64, cycle: &[u8], crc: &str) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut method = [0; 4];
        stream.read_exact(&mut method).ok()?;
        let (mut from, mut to) = (0, size);
        let mut line = String::new();
        loop {
            line.clear();
            stream.read_line(&mut line).ok()?;
            let line = line.trim_end().to_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(range) = line.strip_prefix("range: bytes=") {
                let (first, last) = range.split_once('-')?;
                from = first.parse().ok()?;
                to = last.parse::<u64>().ok()? + 1;
            }
        }
        let out = stream.get_mut();
        let length = to - from;
        let about = "etag: \"e1\"\r\nlast-modified: Sun, 23 Nov 2025 14:05:09 GMT";
        if &method == b"HEAD" {
            let checksum = format!("x-amz-checksum-crc64nvme: {crc}\r\nx-amz-checksum-type: FULL_OBJECT");
            write!(out, "HTTP/1.1 200 -\r\n{about}\r\n{checksum}\r\ncontent-length: {size}\r\n\r\n").ok()?;
        } else {
            let range = format!("content-range: bytes {from}-{}/{size}", to - 1);
            write!(out, "HTTP/1.1 206 -\r\n{about}\r\n{range}\r\ncontent-length: {length}\r\n\r\n").ok()?;
            pieces(from, to, cycle, |piece| out.write_all(piece).unwrap());
        }
    }
}
