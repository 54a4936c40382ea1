//! The response of an invocation.

use lambda_support::Protocol;
use ledger::head::Head;
use ledger::messages::response;
use ledger::protocol::{LedgerConfig, LedgerProtocol, WrittenManifest};
use ledger::request::{CloseUntil, RunRequest};
use sluice_types::Timestamp;

#[test]
fn responses_without_and_with_manifests() {
    let request = RunRequest { close_until: CloseUntil::FullHour, go_on_from: None };
    let config = LedgerConfig { signing_key: "alias/ledger".into(), max_listed_records: 100 };
    let (mut protocol, _) = LedgerProtocol::start(request, &config, Timestamp::UNIX_EPOCH);
    let nothing_written = response(&protocol, true);
    let head = Head { sequence: 7, sha256: "00ff".into(), to: Timestamp::from_millis(7_200_000) };
    protocol.written = vec![WrittenManifest { head: head.clone(), listed: 2, announced: 1 }];
    protocol.head = Some(head);
    insta::assert_snapshot!(format!("{nothing_written}\n{}", response(&protocol, false)));
}
