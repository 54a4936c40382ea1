//! The fields and metrics of the log line of each outcome.

use provenance::narrate;
use provenance::protocol::{End, Verdict};
use sluice_types::{ObjectVersion, Receipt, ReceiptState, Timestamp};

fn verdict(end: End, state: Option<ReceiptState>) -> Verdict {
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
    let why = (end == End::Skipped).then_some("a folder marker");
    Verdict { end, version, receipt, why }
}

#[test]
fn fields_and_metrics_of_each_outcome() {
    let mut lines = String::new();
    for (end, state) in [
        (End::Recorded, Some(ReceiptState::Hashed)),
        (End::Known, None),
        (End::Known, Some(ReceiptState::Hashed)),
        (End::Gone, Some(ReceiptState::Gone)),
        (End::Deferred, Some(ReceiptState::Deferred)),
        (End::Unreadable, Some(ReceiptState::Unreadable)),
        (End::Skipped, None),
    ] {
        let handled = narrate::end(&verdict(end, state));
        let fields = serde_json::to_string(&handled.fields).unwrap_or_default();
        lines += &format!("warn: {}\n{fields}\n{:?}\n\n", handled.needs_attention, handled.metrics);
    }
    insta::assert_snapshot!(lines);
}
