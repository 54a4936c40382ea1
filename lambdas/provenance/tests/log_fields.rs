//! The fields and metrics of the log line of each outcome.

use lambda_support::time::Moment;
use provenance::narrate;
use provenance::protocol::{End, Verdict};
use provenance::receipt::{Receipt, State};
use provenance::version::Version;

fn verdict(end: End, state: Option<State>) -> Verdict {
    let version = Version { bucket: "raw".into(), key: "incoming/a\nb".into(), version_id: "v1".into() };
    let receipt = state.map(|state| {
        let receipt = Receipt::of(&version, None, state, Moment(1_763_906_709_007));
        let hashed = state == State::Hashed;
        Box::new(Receipt {
            size: Some(9),
            sha256: hashed.then(|| "15e2b0d3".to_owned()),
            reason: (state == State::Unreadable).then(|| "InvalidObjectState".to_owned()),
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
        (End::Recorded, Some(State::Hashed)),
        (End::Known, None),
        (End::Known, Some(State::Hashed)),
        (End::Gone, Some(State::Gone)),
        (End::Deferred, Some(State::Deferred)),
        (End::Unreadable, Some(State::Unreadable)),
        (End::Skipped, None),
    ] {
        let handled = narrate::end(&verdict(end, state));
        let fields = serde_json::to_string(&handled.fields).unwrap_or_default();
        lines += &format!("warn: {}\n{fields}\n{:?}\n\n", handled.refused, handled.metrics);
    }
    insta::assert_snapshot!(lines);
}
