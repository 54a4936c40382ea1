//! What an invocation of the ledger answers.

use lambda_support::Protocol;
use ledger::narrate::answer;
use ledger::protocol::{Head, LedgerProtocol, Plan, Written};
use ledger::request::{Asked, Until};
use sluice_types::Timestamp;

#[test]
fn answers() {
    let asked = Asked { until: Until::Hour, go_on_from: None };
    let plan = Plan { key: "alias/ledger".into(), max_listed: 100 };
    let (mut run, _) = LedgerProtocol::start(asked, &plan, Timestamp::UNIX_EPOCH);
    let nothing = answer(&run, true);
    let head = Head { sequence: 7, sha256: "00ff".into(), to: Timestamp::from_millis(7_200_000) };
    run.written = vec![Written { head: head.clone(), listed: 2, announced: 1 }];
    run.head = Some(head);
    insta::assert_snapshot!(format!("{nothing}\n{}", answer(&run, false)));
}
