//! The bytes of manifests, which `sluice verify` and other in-toto tools read.

use sluice_types::Timestamp;
use sluice_types::manifest::{self, Predicate, ResourceDescriptor, Statement};

/// The form of a signature; it signs nothing.
const SIGNATURE: [u8; 8] = [0x30, 6, 2, 1, 1, 2, 1, 1];

fn predicate(sequence: u64, previous: Option<ResourceDescriptor>) -> Predicate {
    Predicate {
        sequence,
        from: previous.is_some().then_some(Timestamp::from_millis(3_600_000)),
        to: Timestamp::from_millis(7_200_000),
        previous,
        announced: vec![ResourceDescriptor::new("provenance/raw/late/v1~.json", "03")],
        key: "arn:aws:kms:eu-west-1:1:alias/ledger".into(),
    }
}

fn statements() -> [Statement; 2] {
    let records = vec![
        ResourceDescriptor::new("provenance/raw/b/v1~.json", "02"),
        ResourceDescriptor::new("operator/in/a/v1~.remove.json", "01"),
    ];
    let previous = ResourceDescriptor::new(manifest::key(1), "00");
    [Statement::new(records, predicate(1, None)), Statement::new(Vec::new(), predicate(2, Some(previous)))]
}

/// Key, statement, envelope.
#[test]
fn manifests() {
    let mut lines = String::new();
    for statement in statements() {
        let predicate = &statement.predicate;
        let envelope = manifest::seal(&statement.payload(), &predicate.key, &SIGNATURE);
        let (payload, envelope) = (
            String::from_utf8_lossy(&statement.payload()).into_owned(),
            String::from_utf8_lossy(&envelope).into_owned(),
        );
        lines += &format!("{}\n{payload}\n{envelope}\n\n", manifest::key(predicate.sequence));
    }
    insta::assert_snapshot!(lines);
}
