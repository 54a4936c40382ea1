//! What the protocol asks of the world, and what the world answers. An effect is one kind of AWS call, and so one
//! statement of the role's policy.

use sluice_types::manifest::Statement;

/// A call to make.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// `ListObjectsV2` of one key: the first manifest with a higher sequence number.
    NextManifest {
        /// The number.
        after: u64,
    },
    /// `GetObject` of the manifest with this sequence number.
    ReadManifest(u64),
    /// `ListObjectsV2` of the journal: a page of keys after this one.
    ListJournal {
        /// Where the page before ended.
        after: String,
    },
    /// `GetObject` of each of these entries.
    ReadEntries(Vec<String>),
    /// `GetObject` of each of these records.
    ReadRecords(Vec<String>),
    /// `Verify`: is this the signature of this digest by the signing key?
    Verify {
        /// SHA-256 of what was signed.
        digest: [u8; 32],
        /// The signature, ASN.1 DER.
        signature: Vec<u8>,
    },
    /// `Sign` of a statement's digest.
    Sign(Box<Statement>),
    /// `PutObject` of a manifest, only if there is none with its sequence number.
    Write {
        /// The number.
        sequence: u64,
        /// The envelope.
        envelope: Vec<u8>,
    },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EffectResult {
    /// The sequence number of the next manifest, if there is one.
    Next(Option<u64>),
    /// The bytes of a manifest.
    Manifest(Vec<u8>),
    /// Keys of the journal, in order.
    Page {
        /// The keys.
        keys: Vec<String>,
        /// Whether there are more after them.
        more: bool,
    },
    /// The objects asked for, in that order; none where nothing can be read, or more than a record can have.
    Read(Vec<Option<Body>>),
    /// Whether the signature is of the signing key.
    Verified(bool),
    /// A signature, ASN.1 DER.
    Signed(Vec<u8>),
    /// It was written.
    Written,
    /// Somebody else wrote it before.
    WrittenBefore,
}

/// An object that was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Body {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Their SHA-256, hexadecimal.
    pub sha256: String,
}
