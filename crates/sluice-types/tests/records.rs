//! The bytes of every record that other programs read: receipts, operator records and their journal entries.

use sluice_types::{OperatorAction, OperatorRecord, Receipt, ReceiptState, Record, Timestamp};

fn recorded_at() -> Timestamp {
    Timestamp::from_millis(1_763_906_709_007)
}

fn hashed() -> Receipt {
    Receipt {
        state: ReceiptState::Hashed,
        bucket: "raw".into(),
        key: "incoming/a b/ü.csv".into(),
        version_id: "b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j".into(),
        etag: Some("d41d8cd98f00b204e9800998ecf8427e".into()),
        size: Some(9),
        sha256: Some("15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225".into()),
        s3_checksum: Some("rosUhgp5mIg=".into()),
        s3_checksum_algorithm: Some("CRC64NVME".into()),
        s3_checksum_type: Some("FULL_OBJECT".into()),
        last_modified: Some(Timestamp::from_millis(1_763_906_709_000)),
        event_time: Some("2025-11-23T14:05:09Z".into()),
        sequencer: Some("0055".into()),
        reason: None,
        recorded_at: recorded_at(),
        pinned_late: true,
    }
}

fn receipts() -> [Receipt; 5] {
    let unread = Receipt {
        state: ReceiptState::Gone,
        sha256: None,
        s3_checksum: None,
        s3_checksum_algorithm: None,
        s3_checksum_type: None,
        pinned_late: false,
        ..hashed()
    };
    let unnamed = Receipt { version_id: String::new(), etag: None, size: None, last_modified: None, ..unread.clone() };
    let deferred = Receipt { state: ReceiptState::Deferred, ..unread.clone() };
    let unreadable =
        Receipt { state: ReceiptState::Unreadable, reason: Some("InvalidObjectState".into()), ..unread.clone() };
    [hashed(), unread, unnamed, deferred, unreadable]
}

fn operator_records() -> [OperatorRecord; 3] {
    let release = OperatorRecord {
        action: OperatorAction::Release,
        bucket: Some("in".into()),
        key: Some("a.json".into()),
        version_id: Some("b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j".into()),
        sha256: Some("15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225".into()),
        new_version_id: Some("v2".into()),
        queue: None,
        caller: "arn:aws:iam::1:user/ada".into(),
        role: Some("arn:aws:sts::1:assumed-role/operator/ada".into()),
        reason: Some("schema \"fixed\"".into()),
        recorded_at: recorded_at(),
    };
    let remove = OperatorRecord {
        action: OperatorAction::Remove,
        new_version_id: None,
        role: None,
        reason: None,
        ..release.clone()
    };
    let redrive = OperatorRecord {
        action: OperatorAction::Redrive,
        bucket: None,
        key: None,
        version_id: None,
        sha256: None,
        queue: Some("sluice-dev-ingest-dead-letter".into()),
        ..remove.clone()
    };
    [release, remove, redrive]
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

/// Key, bytes, then the journal entry's key and bytes.
#[test]
fn receipts_and_their_journal_entries() {
    let mut lines = String::new();
    for receipt in receipts() {
        let entry = receipt.journal_entry();
        let journal_line = serde_json::to_string(&entry).unwrap_or_default();
        lines += &format!("{}\n{}{}\n{journal_line}\n\n", receipt.record_key(), text(receipt.bytes()), entry.key());
    }
    insta::assert_snapshot!(lines);
}

/// Key, bytes, then the journal entry's key and bytes.
#[test]
fn operator_records_and_their_journal_entries() {
    let mut lines = String::new();
    for record in operator_records() {
        let entry = record.journal_entry();
        let journal_line = serde_json::to_string(&entry).unwrap_or_default();
        lines += &format!("{}\n{}{}\n{journal_line}\n\n", record.record_key(), text(record.bytes()), entry.key());
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn records_read_back() {
    for receipt in receipts() {
        assert_eq!(serde_json::from_slice::<Receipt>(&receipt.bytes()).ok(), Some(receipt));
    }
    for record in operator_records() {
        assert_eq!(serde_json::from_slice::<OperatorRecord>(&record.bytes()).ok(), Some(record));
    }
}
