//! The effects of the protocol and their results. An effect is one kind of AWS call; the statement that grants it is in
//! `terraform/modules/provenance/iam.tf`, or for the signing key in the key policy in `ledger.tf`.

use sluice_types::manifest::Statement;

/// One AWS call; the reads are one call for each object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// `ListObjectsV2`: finds the first manifest with a sequence number above `after`. Granted by `SeeLedger`.
    FindManifest {
        /// The sequence number.
        after: u64,
    },
    /// `GetObject` of the manifest with this sequence number. Granted by `ReadLedger`.
    ReadManifest(u64),
    /// `ListObjectsV2` of the journal: the page of keys after `after`. Granted by `SeeLedger`.
    ListJournal {
        /// A key, or a prefix of keys.
        after: String,
    },
    /// `GetObject` of each of these journal entries. Granted by `ReadLedger`.
    ReadEntries(Vec<String>),
    /// `GetObject` of each of these records. Granted by `ReadLedger`.
    ReadRecords(Vec<String>),
    /// `Verify`: did the signing key sign this digest? Granted by `SignManifests`.
    Verify {
        /// SHA-256 of the signed bytes.
        digest: [u8; 32],
        /// The signature, ASN.1 DER.
        signature: Vec<u8>,
    },
    /// `Sign` of the digest of a statement. Granted by `SignManifests`.
    Sign(Box<Statement>),
    /// `PutObject` of a manifest, only if none exists with its sequence number. Granted by `WriteManifest`.
    WriteManifest {
        /// The sequence number.
        sequence: u64,
        /// The envelope.
        envelope: Vec<u8>,
    },
}

/// What an effect returned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EffectResult {
    /// `FindManifest`: the sequence number of the manifest, if there is one.
    ManifestFound(Option<u64>),
    /// `ReadManifest`: the bytes.
    Manifest(Vec<u8>),
    /// `ListJournal`: keys in order.
    JournalPage {
        /// The keys.
        keys: Vec<String>,
        /// Whether there are further keys.
        more: bool,
    },
    /// `ReadEntries`, `ReadRecords`: the objects in the order of the request; `None` if an object cannot be read or is
    /// larger than a record can be.
    Objects(Vec<Option<Body>>),
    /// `Verify`: whether the signature is valid.
    Verified(bool),
    /// `Sign`: the signature, ASN.1 DER.
    Signed(Vec<u8>),
    /// `WriteManifest`: the manifest was written.
    ManifestWritten,
    /// `WriteManifest`: another run wrote a manifest with this sequence number.
    ManifestExists,
}

/// An object that was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Body {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// SHA-256 of the bytes, hexadecimal.
    pub sha256: String,
}
