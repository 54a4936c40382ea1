//! Waits for the evidence of the test file: its receipt, and the records of its requests in the trail.

use std::time::Duration;

use sluice_types::Receipt;
use sluice_types::receipt::receipt_key;
use tokio::time::{Instant, sleep};

use super::checks::Checks;
use super::test_file::TestFile;
use super::trail_search::{LoggedRequest, TrailSearch};
use crate::aws::s3::Store;
use crate::cloudtrail::object_requests::ObjectRequest;
use crate::outputs::Provenance as Names;

/// The interval between lookups of the receipt.
const RECEIPT_INTERVAL: Duration = Duration::from_secs(2);
/// The interval between searches of the trail, which delivers log files every few minutes.
const TRAIL_INTERVAL: Duration = Duration::from_secs(10);
/// The interval between notes about what is missing.
const NOTE_INTERVAL: Duration = Duration::from_secs(60);
/// The limit on a receipt, in bytes.
const MAX_RECEIPT: u64 = 64 * 1024;

/// The evidence that has not been found yet.
pub(super) struct Missing {
    /// Whether the receipt is missing.
    pub(super) receipt: bool,
    /// The requests without a record in the trail.
    pub(super) requests: Vec<ObjectRequest>,
}

impl Missing {
    fn is_empty(&self) -> bool {
        !self.receipt && self.requests.is_empty()
    }

    /// What is missing, in words.
    fn text(&self) -> String {
        let receipt = self.receipt.then(|| "the receipt".to_owned());
        let requests = self.requests.iter().map(|request| format!("{} in the trail", request.event_name));
        receipt.into_iter().chain(requests).collect::<Vec<_>>().join(", ")
    }

    /// Prints a check for each request that was found in the trail.
    fn take_logged(&mut self, logged: &[LoggedRequest], checks: &mut Checks<'_>) {
        for LoggedRequest { event_name, log_key } in logged {
            let Some(index) = self.requests.iter().position(|request| request.event_name == *event_name) else {
                continue;
            };
            let request = self.requests.remove(index);
            let what = format!("the trail has {event_name}, request {}, in {log_key}", request.request_id);
            checks.print(check_name(event_name), true, &what);
        }
    }

    /// Prints a failed check for everything that is missing.
    fn fail(&self, wait: Duration, checks: &mut Checks<'_>) {
        let seconds = wait.as_secs();
        if self.receipt {
            let what = format!(
                "none was written within {seconds} s: look at `sluice status --system provenance` and the function's log"
            );
            checks.print("receipt", false, &what);
        }
        for ObjectRequest { event_name, request_id, .. } in &self.requests {
            let what = match request_id.as_str() {
                "" => {
                    format!("the answer to {event_name} had no request ID, so that the trail cannot be searched for it")
                }
                _ => format!(
                    "the trail delivered no {event_name} with the request ID {request_id} within {seconds} s: AWS takes 5 to 15 minutes; run this again with a longer --wait, or check that the trail is logging (`aws cloudtrail get-trail-status`)"
                ),
            };
            checks.print(check_name(event_name), false, &what);
        }
    }
}

/// The name of the check of an event.
pub(super) fn check_name(event_name: &str) -> &'static str {
    if event_name == "GetObject" { "log-read" } else { "log" }
}

/// Waits until nothing is missing, at most for `wait`; prints a check for each piece of evidence, and notes what is missing.
pub(super) async fn wait_for(
    mut missing: Missing,
    auditor: &Store,
    names: &Names,
    file: &TestFile,
    mut search: TrailSearch<'_>,
    wait: Duration,
    checks: &mut Checks<'_>,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let deadline = start + wait;
    let (mut next_search, mut next_note) = (start, start + RECEIPT_INTERVAL);
    loop {
        let is_last = Instant::now() >= deadline;
        if missing.receipt {
            missing.receipt = !check_receipt(auditor, names, file, checks).await?;
        }
        if !missing.requests.is_empty() && (is_last || Instant::now() >= next_search) {
            let logged = search.find(&missing.requests).await?;
            missing.take_logged(&logged, checks);
            next_search = Instant::now() + TRAIL_INTERVAL;
        }
        if missing.is_empty() {
            return Ok(());
        }
        if is_last {
            missing.fail(wait, checks);
            return Ok(());
        }
        if Instant::now() >= next_note {
            let elapsed = start.elapsed().as_secs();
            checks.note(&format!("waiting for {}; {elapsed} of at most {} s", missing.text(), wait.as_secs()));
            next_note = Instant::now() + NOTE_INTERVAL;
        }
        sleep(RECEIPT_INTERVAL.min(deadline.saturating_duration_since(Instant::now()))).await;
    }
}

/// Whether there is a receipt; prints a check of its contents.
async fn check_receipt(
    auditor: &Store,
    names: &Names,
    file: &TestFile,
    checks: &mut Checks<'_>,
) -> anyhow::Result<bool> {
    let key = receipt_key(&file.version);
    let Some(bytes) = auditor.read(&names.receipts_bucket, &key, None, MAX_RECEIPT).await? else {
        return Ok(false);
    };
    let receipt: Option<Receipt> = serde_json::from_slice(&bytes).ok();
    let is_same = receipt.is_some_and(|r| r.sha256.as_deref() == Some(&file.sha256));
    let what = if is_same { "it has the SHA-256 of the file" } else { "it has another SHA-256" };
    checks.print("receipt", is_same, what);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::assert_printed;

    fn request(event_name: &'static str, request_id: &str) -> ObjectRequest {
        ObjectRequest { event_name, bucket: "raw".into(), key: "k".into(), request_id: request_id.into() }
    }

    #[test]
    fn text_and_json_of_the_evidence() {
        assert_printed("smoke-evidence", |report| {
            let mut checks = Checks::new(report);
            let requests = vec![request("PutObject", "ONE"), request("GetObject", "TWO")];
            let mut missing = Missing { receipt: true, requests };
            checks.note(&missing.text());
            missing.fail(Duration::from_secs(1200), &mut checks);
            missing.take_logged(&[LoggedRequest { event_name: "PutObject", log_key: "a.json.gz".into() }], &mut checks);
            missing.receipt = false;
            checks.note(&missing.text());
            assert!(!missing.is_empty());
            missing.take_logged(&[LoggedRequest { event_name: "GetObject", log_key: "b.json.gz".into() }], &mut checks);
            assert!(missing.is_empty());
            Missing { receipt: false, requests: vec![request("PutObject", "")] }.fail(Duration::ZERO, &mut checks);
        });
    }
}
