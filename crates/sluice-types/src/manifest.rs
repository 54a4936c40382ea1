//! The manifest: the records of a period, as an in-toto statement in a signed DSSE envelope.
//!
//! The statement and its signature determine the bytes of the envelope: [`open`] rejects every other encoding of the same
//! content, so that no byte of a manifest can be changed unnoticed.

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
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The statement's `_type`.
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The statement's `predicateType`.
const PREDICATE_TYPE: &str = "https://sluice.dev/manifest/v1";

/// An object and the digest of its bytes; `ResourceDescriptor` of in-toto.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ResourceDescriptor {
    /// The key of the object.
    pub name: String,
    /// The digest of its bytes.
    pub digest: DigestSet,
}

/// Digests by the name of their algorithm; `DigestSet` of in-toto.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DigestSet {
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

impl ResourceDescriptor {
    /// The object with this key and this SHA-256.
    #[must_use]
    pub fn new(name: impl Into<String>, sha256: impl Into<String>) -> Self {
        Self { name: name.into(), digest: DigestSet { sha256: sha256.into() } }
    }
}

/// The content of a manifest, as an in-toto statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    /// The records of the period, sorted by name. For an empty period it is the previous manifest, because in-toto's own
    /// validator rejects a statement without a subject.
    pub subject: Vec<ResourceDescriptor>,
    #[serde(rename = "predicateType")]
    predicate_kind: String,
    /// The content other than the subjects.
    pub predicate: Predicate,
}

/// The predicate of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Predicate {
    /// Its sequence number in the ledger, from 1, without gaps.
    pub sequence: u64,
    /// The period starts after this time; `None`: with the first record.
    pub from: Option<Timestamp>,
    /// The last time of the period.
    pub to: Timestamp,
    /// The previous manifest, by the digest of its envelope.
    pub previous: Option<ResourceDescriptor>,
    /// Records that have a journal entry in the period but did not exist with these bytes: their writer stopped, was late or
    /// was preceded by another writer. A journal key whose object is not a valid entry is listed here itself, with the
    /// digest of no bytes if it cannot be read.
    pub announced: Vec<ResourceDescriptor>,
    /// The signing key; also the `keyid` of the envelope.
    pub key: String,
}

impl Statement {
    /// A statement with sorted lists without duplicates.
    #[must_use]
    pub fn new(mut records: Vec<ResourceDescriptor>, mut predicate: Predicate) -> Self {
        records.sort_unstable();
        records.dedup();
        predicate.announced.sort_unstable();
        predicate.announced.dedup();
        if records.is_empty() {
            records.extend(predicate.previous.clone());
        }
        Self { kind: STATEMENT_TYPE.to_owned(), subject: records, predicate_kind: PREDICATE_TYPE.to_owned(), predicate }
    }

    /// The records among the subjects.
    pub fn records(&self) -> impl Iterator<Item = &ResourceDescriptor> {
        let subjects = self.subject.iter();
        subjects.filter(|s| RecordKind::of(&s.name).is_some())
    }

    /// Its bytes: the payload of the envelope.
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

/// A manifest that was opened. Its signature has not been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its content.
    pub statement: Statement,
    /// The bytes that were signed.
    pub signed: Vec<u8>,
    /// SHA-256 of the bytes that were signed.
    pub digest: [u8; 32],
    /// The signature, ASN.1 DER.
    pub signature: Vec<u8>,
    /// SHA-256 of the envelope.
    pub sha256: String,
}

/// Why bytes are not a valid manifest.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidManifest {
    /// Not a DSSE envelope of an in-toto statement about a period.
    #[error("it is not a valid manifest: {0}")]
    Malformed(String),
    /// The bytes encode the content differently than the ledger does.
    #[error("it is not encoded as the ledger encodes manifests")]
    NotCanonical,
    /// The signature is not in the form that the ledger writes. It may still verify: from a valid signature, another valid
    /// one can be derived without the key.
    #[error("its signature is not in the form that the ledger writes (low s, strict DER)")]
    Signature,
}

/// The bytes that are signed for a payload: DSSE's pre-authentication encoding.
#[must_use]
pub fn pae(payload: &[u8]) -> Vec<u8> {
    let (kind, length) = (PAYLOAD_TYPE, payload.len());
    let mut bytes = format!("DSSEv1 {} {kind} {length} ", kind.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// The digest that KMS signs for a payload: SHA-256 of its [`pae`].
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

/// Decodes a manifest.
///
/// # Errors
/// When it is not a manifest, or not encoded as the ledger encodes manifests.
pub fn open(bytes: &[u8]) -> Result<Opened, InvalidManifest> {
    let malformed = |e: &dyn std::fmt::Display| InvalidManifest::Malformed(e.to_string());
    let envelope: Envelope = serde_json::from_slice(bytes).map_err(|e| malformed(&e))?;
    let [signature] = envelope.signatures.as_slice() else {
        return Err(malformed(&"it has not exactly one signature"));
    };
    let decoded = |text: &str| BASE64_STANDARD.decode(text).map_err(|e| malformed(&e));
    let (payload, sig) = (decoded(&envelope.payload)?, decoded(&signature.sig)?);
    if !is_canonical(&sig) {
        return Err(InvalidManifest::Signature);
    }
    let statement: Statement = serde_json::from_slice(&payload).map_err(|e| malformed(&e))?;
    if statement.kind != STATEMENT_TYPE || statement.predicate_kind != PREDICATE_TYPE {
        return Err(malformed(&"it is a statement of another kind"));
    }
    let canonical = seal(&statement.payload(), &statement.predicate.key, &sig);
    if canonical != bytes {
        return Err(InvalidManifest::NotCanonical);
    }
    Ok(Opened {
        signed: pae(&payload),
        digest: digest_to_sign(&payload),
        signature: sig,
        sha256: sha256(bytes),
        statement,
    })
}

/// The highest sequence number: with twelve digits, keys sort in the order of their numbers.
pub const MAX_SEQUENCE: u64 = 999_999_999_999;

/// The key of the manifest with this sequence number.
#[must_use]
pub fn key(sequence: u64) -> String {
    format!("{LEDGER_PREFIX}{sequence:012}.json")
}

/// The sequence number in the key of a manifest; `None` if it is not the key of a manifest.
#[must_use]
pub fn sequence_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(LEDGER_PREFIX)?.strip_suffix(".json")?;
    let sequence = digits.parse().ok()?;
    ((1..=MAX_SEQUENCE).contains(&sequence) && key(sequence) == name).then_some(sequence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The form of a signature; it signs nothing.
    const SIGNATURE: [u8; 8] = [0x30, 6, 2, 1, 1, 2, 1, 1];

    fn statement(records: Vec<ResourceDescriptor>, previous: Option<ResourceDescriptor>) -> Statement {
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

    /// The example of DSSE's specification, with the payload type of this project.
    #[test]
    fn the_signed_bytes_are_the_pre_authentication_encoding_of_dsse() {
        assert_eq!(pae(b"hello world"), b"DSSEv1 28 application/vnd.in-toto+json 11 hello world");
    }

    #[test]
    fn a_manifest_is_an_in_toto_statement_in_a_dsse_envelope() {
        let records = vec![ResourceDescriptor::new("provenance/b", "2"), ResourceDescriptor::new("provenance/a", "1")];
        let made = statement(records, Some(ResourceDescriptor::new("ledger/000000000001.json", "0")));
        let sealed = seal(&made.payload(), "alias", &SIGNATURE);
        assert!(sealed.starts_with(b"{\"payloadType\":\"application/vnd.in-toto+json\",\"payload\":\""));
        let opened = open(&sealed).unwrap();
        assert_eq!(
            (opened.statement, opened.signature, opened.signed),
            (made.clone(), SIGNATURE.to_vec(), pae(&made.payload()))
        );
    }

    #[test]
    fn the_subject_of_an_empty_period_is_the_previous_manifest() {
        let previous = ResourceDescriptor::new("ledger/000000000001.json", "0");
        let empty = statement(Vec::new(), Some(previous.clone()));
        assert_eq!((empty.subject.as_slice(), empty.records().count()), (&[previous][..], 0));
    }

    #[test]
    fn only_a_key_with_twelve_digits_is_the_key_of_a_manifest() {
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
        /// A change of a byte is rejected or changes the statement or the signature, which are both verified.
        #[test]
        fn no_other_bytes_decode_to_the_same_manifest(at in any::<prop::sample::Index>(), bit in 0..8_u32, extra in "[ \n\t]{0,2}") {
            let made = statement(vec![ResourceDescriptor::new("provenance/a", "1")], None);
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
