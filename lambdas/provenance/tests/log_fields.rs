//! The fields and metrics of the log line of each outcome.

use provenance::messages;
use provenance::protocol::{Outcome, Verdict};
use sluice_types::{ObjectVersion, Receipt, ReceiptState, Timestamp};

fn verdict(outcome: Outcome, state: Option<ReceiptState>) -> Verdict {
    let version = ObjectVersion { bucket: "raw".into(), key: "incoming/a\nb".into(), version_id: "v1".into() };
    let receipt = state.map(|state| {
        let receipt = Receipt::new(&version, None, state, Timestamp::from_millis(1_763_906_709_007));
        let hashed = state == ReceiptState::Hashed;
        Box::new(Receipt {
            size: Some(9),
            sha256: hashed.then(|| "15e2b0d3".to_owned()),
            reason: (state == ReceiptState::Unreadable).then(|| "InvalidObjectState".to_owned()),
            pinned_late: hashed,
            ..receipt
        })
    });
    let skip_reason = (outcome == Outcome::Skipped).then_some("a folder marker");
    Verdict { outcome, version, receipt, skip_reason }
}

#[test]
fn fields_and_metrics_of_each_outcome() {
    let mut lines = String::new();
    for (outcome, state) in [
        (Outcome::Recorded, Some(ReceiptState::Hashed)),
        (Outcome::Known, None),
        (Outcome::Known, Some(ReceiptState::Hashed)),
        (Outcome::Gone, Some(ReceiptState::Gone)),
        (Outcome::Deferred, Some(ReceiptState::Deferred)),
        (Outcome::Unreadable, Some(ReceiptState::Unreadable)),
        (Outcome::Skipped, None),
    ] {
        let handled = messages::handled(&verdict(outcome, state));
        let fields = serde_json::to_string(&handled.fields).unwrap_or_default();
        lines += &format!("warn: {}\n{fields}\n{:?}\n\n", handled.needs_attention, handled.metrics);
    }
    insta::assert_snapshot!(lines);
}
