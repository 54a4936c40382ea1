//! The manifest: what was recorded in a period, as an in-toto statement in a signed DSSE envelope.
//!
//! Pure, and shared with whoever verifies. The bytes of an envelope are fixed by its statement and its signature:
//! [`open`] takes no other spelling of the same, so that no byte of a manifest can be changed unnoticed.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::digest::sha256;
use crate::keys::LEDGER_PREFIX;
use crate::record::RecordKind;
use crate::signature::is_canonical;
use crate::timestamp::Timestamp;

/// The envelope's `payloadType`.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The statement's `_type`.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The statement's `predicateType`.
pub const PREDICATE_TYPE: &str = "https://sluice.dev/manifest/v1";

/// An object and the digest of its bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Listed {
    /// Its key.
    pub name: String,
    /// The digest of its bytes.
    pub digest: DigestSet,
}

/// A digest by the name of its algorithm.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DigestSet {
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

impl Listed {
    /// This object with this SHA-256.
    #[must_use]
    pub fn new(name: impl Into<String>, sha256: impl Into<String>) -> Self {
        Self { name: name.into(), digest: DigestSet { sha256: sha256.into() } }
    }
}

/// What a manifest says, as an in-toto statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    /// The records of the period that were there, by name; of an empty period the manifest before, because
    /// in-toto's own validator takes no statement about nothing (its specification leaves that open).
    pub subject: Vec<Listed>,
    #[serde(rename = "predicateType")]
    predicate_kind: String,
    /// The rest.
    pub predicate: Predicate,
}

/// What a manifest says besides its subjects.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Predicate {
    /// Its place in the ledger, from 1, without a gap.
    pub sequence: u64,
    /// The period begins after this moment; absent: with the first record.
    pub from: Option<Timestamp>,
    /// The last moment of the period.
    pub to: Timestamp,
    /// The manifest before, by the digest of its envelope.
    pub previous: Option<Listed>,
    /// What was announced in the period and not (yet) there with these bytes: a writer that was cut off, was late or
    /// came second. An entry of the journal that is none is listed here itself, and as empty if it cannot be read.
    pub announced: Vec<Listed>,
    /// The signing key, as the envelope's `keyid` says it too.
    pub key: String,
}

impl Statement {
    /// A statement with its lists in order.
    #[must_use]
    pub fn new(mut records: Vec<Listed>, mut predicate: Predicate) -> Self {
        records.sort_unstable();
        records.dedup();
        predicate.announced.sort_unstable();
        predicate.announced.dedup();
        if records.is_empty() {
            records.extend(predicate.previous.clone());
        }
        Self { kind: STATEMENT_TYPE.to_owned(), subject: records, predicate_kind: PREDICATE_TYPE.to_owned(), predicate }
    }

    /// The records that were there.
    pub fn records(&self) -> impl Iterator<Item = &Listed> {
        let subjects = self.subject.iter();
        subjects.filter(|s| RecordKind::of(&s.name).is_some())
    }

    /// Its bytes, which are signed.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload_type: String,
    payload: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
struct Signature {
    keyid: String,
    sig: String,
}

/// A manifest that was read; its signature is not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// What it says.
    pub statement: Statement,
    /// What was signed.
    pub signed: Vec<u8>,
    /// SHA-256 of what was signed.
    pub digest: [u8; 32],
    /// The signature, ASN.1 DER.
    pub signature: Vec<u8>,
    /// SHA-256 of the envelope.
    pub sha256: String,
}

/// Why bytes are no manifest.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoManifest {
    /// Not a DSSE envelope of an in-toto statement about a period.
    #[error("it is no manifest: {0}")]
    Unreadable(String),
    /// The same content in other bytes than the ledger writes.
    #[error("it is not written as the ledger writes manifests")]
    Respelled,
    /// A signature that is not in the form that the ledger writes; it may verify, which is possible for any writer who has
    /// the honest one.
    #[error("its signature is not in the form that the ledger writes (low s, strict DER)")]
    Signature,
}

/// What is signed for a payload: DSSE's pre-authentication encoding.
#[must_use]
pub fn pae(payload: &[u8]) -> Vec<u8> {
    let (kind, length) = (PAYLOAD_TYPE, payload.len());
    let mut bytes = format!("DSSEv1 {} {kind} {length} ", kind.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// What KMS signs for a payload: the SHA-256 of its [`pae`].
#[must_use]
pub fn digest_to_sign(payload: &[u8]) -> [u8; 32] {
    Sha256::digest(pae(payload)).into()
}

/// The envelope of a payload, with the signature as ASN.1 DER.
#[must_use]
pub fn seal(payload: &[u8], keyid: &str, signature: &[u8]) -> Vec<u8> {
    let signature = Signature { keyid: keyid.to_owned(), sig: BASE64_STANDARD.encode(signature) };
    let envelope = Envelope {
        payload_type: PAYLOAD_TYPE.to_owned(),
        payload: BASE64_STANDARD.encode(payload),
        signatures: vec![signature],
    };
    serde_json::to_vec(&envelope).unwrap_or_default()
}

/// Reads an envelope back.
///
/// # Errors
/// When it is not one, or not in the ledger's spelling.
pub fn open(bytes: &[u8]) -> Result<Opened, NoManifest> {
    let unreadable = |e: &dyn std::fmt::Display| NoManifest::Unreadable(e.to_string());
    let envelope: Envelope = serde_json::from_slice(bytes).map_err(|e| unreadable(&e))?;
    let [signature] = envelope.signatures.as_slice() else {
        return Err(unreadable(&"it has not exactly one signature"));
    };
    let decoded = |text: &str| BASE64_STANDARD.decode(text).map_err(|e| unreadable(&e));
    let (payload, sig) = (decoded(&envelope.payload)?, decoded(&signature.sig)?);
    if !is_canonical(&sig) {
        return Err(NoManifest::Signature);
    }
    let statement: Statement = serde_json::from_slice(&payload).map_err(|e| unreadable(&e))?;
    if statement.kind != STATEMENT_TYPE || statement.predicate_kind != PREDICATE_TYPE {
        return Err(unreadable(&"it is a statement of another kind"));
    }
    let again = seal(&statement.payload(), &statement.predicate.key, &sig);
    if again != bytes {
        return Err(NoManifest::Respelled);
    }
    Ok(Opened {
        signed: pae(&payload),
        digest: digest_to_sign(&payload),
        signature: sig,
        sha256: sha256(bytes),
        statement,
    })
}

/// The highest sequence number that has a key: by their names, keys sort as their numbers do.
pub const LAST: u64 = 999_999_999_999;

/// The key of the manifest with this sequence number.
#[must_use]
pub fn key(sequence: u64) -> String {
    format!("{LEDGER_PREFIX}{sequence:012}.json")
}

/// The sequence number of a manifest's key.
#[must_use]
pub fn sequence_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(LEDGER_PREFIX)?.strip_suffix(".json")?;
    let sequence = digits.parse().ok()?;
    ((1..=LAST).contains(&sequence) && key(sequence) == name).then_some(sequence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A signature by its form, of nothing.
    const SIGNATURE: [u8; 8] = [0x30, 6, 2, 1, 1, 2, 1, 1];

    fn statement(records: Vec<Listed>, previous: Option<Listed>) -> Statement {
        let predicate = Predicate {
            sequence: 2,
            from: Some(Timestamp::UNIX_EPOCH),
            to: Timestamp::from_millis(3_600_000),
            previous,
            announced: Vec::new(),
            key: "alias".into(),
        };
        Statement::new(records, predicate)
    }

    /// The example of the DSSE protocol's text, with our type in place of its own.
    #[test]
    fn what_is_signed_is_dsse() {
        assert_eq!(pae(b"hello world"), b"DSSEv1 28 application/vnd.in-toto+json 11 hello world");
    }

    #[test]
    fn it_is_an_in_toto_statement_in_an_envelope() {
        let records = vec![Listed::new("provenance/b", "2"), Listed::new("provenance/a", "1")];
        let made = statement(records, Some(Listed::new("ledger/000000000001.json", "0")));
        let text = String::from_utf8(made.payload()).unwrap();
        assert_eq!(
            text,
            "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"name\":\"provenance/a\",\"digest\":{\"sha256\":\"1\"}},\
             {\"name\":\"provenance/b\",\"digest\":{\"sha256\":\"2\"}}],\"predicateType\":\"https://sluice.dev/manifest/v1\",\
             \"predicate\":{\"sequence\":2,\"from\":\"1970-01-01T00:00:00.000Z\",\"to\":\"1970-01-01T01:00:00.000Z\",\
             \"previous\":{\"name\":\"ledger/000000000001.json\",\"digest\":{\"sha256\":\"0\"}},\"announced\":[],\"key\":\"alias\"}}"
        );
        let sealed = seal(&made.payload(), "alias", &SIGNATURE);
        assert!(sealed.starts_with(b"{\"payloadType\":\"application/vnd.in-toto+json\",\"payload\":\""));
        let opened = open(&sealed).unwrap();
        assert_eq!(
            (opened.statement, opened.signature, opened.signed),
            (made.clone(), SIGNATURE.to_vec(), pae(&made.payload()))
        );
    }

    #[test]
    fn an_empty_period_is_about_the_manifest_before() {
        let previous = Listed::new("ledger/000000000001.json", "0");
        let empty = statement(Vec::new(), Some(previous.clone()));
        assert_eq!((empty.subject.as_slice(), empty.records().count()), (&[previous][..], 0));
    }

    #[test]
    fn keys_are_numbers_and_only_that() {
        assert_eq!(key(7), "ledger/000000000007.json");
        assert_eq!(sequence_of(&key(7)), Some(7));
        for other in [
            "ledger/7.json",
            "ledger/000000000007.json.bak",
            "ledger/+00000000007.json",
            "ledger/000000000000.json",
            "ledger/1000000000000.json",
        ] {
            assert_eq!(sequence_of(other), None, "{other}");
        }
    }

    proptest! {
        /// Only the statement and the signature may differ after a change, and both are verified.
        #[test]
        fn no_other_bytes_say_the_same(at in any::<prop::sample::Index>(), bit in 0..8_u32, extra in "[ \n\t]{0,2}") {
            let made = statement(vec![Listed::new("provenance/a", "1")], None);
            let sealed = seal(&made.payload(), "alias", &SIGNATURE);
            let mut changed = sealed.clone();
            let at = at.index(changed.len());
            changed[at] ^= 1 << bit;
            if let Ok(opened) = open(&changed) {
                prop_assert!(opened.statement != made || opened.signature != SIGNATURE);
            }
            let longer = [sealed.as_slice(), extra.as_bytes()].concat();
            prop_assert_eq!(open(&longer).is_ok(), extra.is_empty());
        }
    }
}
