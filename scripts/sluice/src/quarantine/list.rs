//! `quarantine list`: what was refused and why, one line a version.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::Context;
use ingest::record::Reason;
use kit::log::escape;
use serde_json::json;
use tokio::task::JoinHandle;

use super::{Stem, Stems, Ward};
use crate::report::{Ended, Report};
use crate::store::Store;

/// Reasons that are read at the same time.
const AT_ONCE: usize = 16;

/// Lists what is in quarantine, with the reason
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  sluice quarantine list --prefix albums/
  sluice quarantine list --format json | jq -r .reasons[].path | sort | uniq -c")]
pub struct List {
    /// Only keys that begin with PREFIX
    #[arg(long, default_value = "", value_name = "PREFIX")]
    prefix: String,
}

type Reading = (Stem, JoinHandle<anyhow::Result<Option<Reason>>>);

pub(super) async fn run(ward: &Ward, args: &List, report: &Report) -> anyhow::Result<Ended> {
    let ward = Arc::new(Ward {
        store: Store {
            s3: ward.store.s3.clone(),
        },
        ingest: ward.ingest.clone(),
    });
    let prefix = if args.prefix.is_empty() {
        &ward.ingest.prefix
    } else {
        &args.prefix
    };
    let mut pages = ward.store.objects(ward.bucket(), prefix);
    let (mut stems, mut reading, mut count) = (Stems::default(), VecDeque::new(), 0_u64);
    while let Some(page) = pages.next().await? {
        for stem in page.into_iter().filter_map(|key| stems.push(key)) {
            start(&ward, stem, &mut reading);
            if reading.len() >= AT_ONCE {
                tell(&mut reading, &mut count, report).await?;
            }
        }
    }
    if let Some(last) = stems.0 {
        start(&ward, last, &mut reading);
    }
    while !reading.is_empty() {
        tell(&mut reading, &mut count, report).await?;
    }
    report.line(
        format_args!("{count} in quarantine bucket {}", ward.bucket()),
        &json!({"bucket": ward.bucket(), "count": count}),
    );
    Ok(Ended::Done)
}

fn start(ward: &Arc<Ward>, stem: Stem, reading: &mut VecDeque<Reading>) {
    let (ward, asked) = (Arc::clone(ward), stem.clone());
    reading.push_back((stem, tokio::spawn(async move { ward.reason(&asked).await })));
}

/// Tells the one that was started first, so that the order stays S3's.
async fn tell(
    reading: &mut VecDeque<Reading>,
    count: &mut u64,
    report: &Report,
) -> anyhow::Result<()> {
    let Some((stem, handle)) = reading.pop_front() else {
        return Ok(());
    };
    *count += 1;
    match handle.await.context("a task of this program failed")?? {
        Some(reason) => told(&stem, &reason, report),
        None => report.line(
            format_args!(
                "{}  no reason record: it is being moved, or a release was cut off",
                escape(&stem.copy_key)
            ),
            &json!({"copy_key": stem.copy_key, "copy": stem.copy, "end": null}),
        ),
    }
    Ok(())
}

fn told(stem: &Stem, reason: &Reason, report: &Report) {
    let first = reason.reasons.first();
    let first = first.map_or(String::new(), |p| {
        let gap = if p.path.is_empty() { "" } else { " " };
        format!("  {}{gap}{}", escape(&p.path), escape(&p.message))
    });
    let more = reason.reasons.len().saturating_sub(1);
    let more = if more > 0 {
        format!(" (and {more} more)")
    } else {
        String::new()
    };
    let (source, end) = (&reason.source, reason.end.name());
    report.line(
        format_args!("{}  {}  {end}  {}{first}{more}", escape(&source.key), source.version_id, reason.quarantined_at),
        &json!({
            "key": source.key, "version_id": source.version_id, "end": end, "reasons": reason.reasons,
            "quarantined_at": reason.quarantined_at, "copy_key": stem.copy_key, "copy": stem.copy,
        }),
    );
}
