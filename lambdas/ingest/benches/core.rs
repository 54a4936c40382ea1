//! The ingest core on one core: SHA-256, strict JSON, DynamoDB JSON and schema of each line of a file.
//!
//! `cargo bench -p ingest --bench core -- FILE` prints documents, bytes, how many are items, and the best of five
//! rounds in seconds, as JSON. `benches/compare` runs it beside the same work in Python.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a bench reports")]

use std::time::Instant;

use ingest::judge::Rules;
use ingest::record::Source;
use ingest::schema::Schema;
use sha2::{Digest, Sha256};
use sluice_types::digest::hex;

const SCHEMA: &str = include_str!("../../../terraform/modules/ingest/music-item.schema.json");

fn main() {
    let Some(path) = std::env::args().skip(1).find(|a| !a.starts_with('-')) else {
        println!("no file of documents given; run lambdas/ingest/benches/compare");
        return;
    };
    let text = std::fs::read_to_string(&path).unwrap();
    let documents: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
    let rules = Rules {
        schema: Schema::compile(SCHEMA).unwrap(),
        hash_key: "ArtistID".into(),
        range_key: Some("ItemID".into()),
        check_item_id: false,
    };
    let mut best = f64::MAX;
    let mut items = 0;
    for _ in 0..5 {
        let start = Instant::now();
        items = documents.iter().filter(|d| is_item(&rules, d)).count();
        best = best.min(start.elapsed().as_secs_f64());
    }
    let bytes: usize = documents.iter().map(|d| d.len()).sum();
    let (count, seconds) = (documents.len(), best);
    println!(r#"{{"documents":{count},"bytes":{bytes},"items":{items},"seconds":{seconds}}}"#);
}

fn is_item(rules: &Rules, bytes: &[u8]) -> bool {
    let source = Source {
        bucket: "in".into(),
        key: "incoming/item.json".into(),
        version_id: "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j".into(),
        etag: None,
        size: Some(bytes.len() as u64),
        sha256: Some(hex(&Sha256::digest(bytes))),
        sequencer: None,
    };
    rules.judge(bytes, &source, "2026-01-02T03:04:05Z").is_ok()
}
