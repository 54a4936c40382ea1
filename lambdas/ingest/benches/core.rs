//! Validates each line of a file on one core: SHA-256, strict JSON, DynamoDB JSON and the schema.
//!
//! `cargo bench -p ingest --bench core -- FILE` prints as JSON: the number of documents, their bytes, how many are valid
//! items, and the best of five rounds in seconds. `benches/compare` runs the same work in Python too.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a bench reports")]

use std::time::Instant;

use ingest::schema::Schema;
use ingest::source::Source;
use ingest::validate::ItemValidator;
use sluice_types::digest::sha256;
use sluice_types::{ObjectVersion, Timestamp};

const SCHEMA: &str = include_str!("../../../terraform/examples/eventpulse/music-item.schema.json");

fn main() {
    let Some(path) = std::env::args().skip(1).find(|a| !a.starts_with('-')) else {
        println!("no file of documents given; run lambdas/ingest/benches/compare");
        return;
    };
    let text = std::fs::read_to_string(&path).unwrap();
    let documents: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
    let validator = ItemValidator {
        schema: Schema::compile(SCHEMA).unwrap(),
        hash_key: "ArtistID".into(),
        range_key: Some("ItemID".into()),
        check_item_id: false,
    };
    let mut best = f64::MAX;
    let mut items = 0;
    for _ in 0..5 {
        let start = Instant::now();
        items = documents.iter().filter(|d| is_item(&validator, d)).count();
        best = best.min(start.elapsed().as_secs_f64());
    }
    let bytes: usize = documents.iter().map(|d| d.len()).sum();
    let (count, seconds) = (documents.len(), best);
    println!(r#"{{"documents":{count},"bytes":{bytes},"items":{items},"seconds":{seconds}}}"#);
}

fn is_item(validator: &ItemValidator, bytes: &[u8]) -> bool {
    let version = ObjectVersion {
        bucket: "in".into(),
        key: "incoming/item.json".into(),
        version_id: "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j".into(),
    };
    let source = Source { size: Some(bytes.len() as u64), sha256: Some(sha256(bytes)), ..Source::from(version) };
    validator.validate(bytes, &source, Timestamp::from_millis(1_767_323_045_000)).is_ok()
}
