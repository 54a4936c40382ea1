//! What an invocation of the ledger answers.

use ledger::narrate::answer;
use ledger::protocol::{Head, Run, Written};
use ledger::request::{Asked, Until};
use sluice_types::Timestamp;

#[test]
fn answers() {
    let (mut run, _) = Run::start(Timestamp::UNIX_EPOCH, Asked { until: Until::Hour, go_on_from: None });
    let nothing = answer(&run, true);
    let head = Head { sequence: 7, sha256: "00ff".into(), to: Timestamp::from_millis(7_200_000) };
    run.written = vec![Written { head: head.clone(), listed: 2, announced: 1 }];
    run.head = Some(head);
    insta::assert_snapshot!(format!("{nothing}\n{}", answer(&run, false)));
}
