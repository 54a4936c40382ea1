//! The manifest that the next one names.

use sluice_types::Timestamp;

/// The last manifest of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Head {
    /// Its sequence number.
    pub sequence: u64,
    /// SHA-256 of its envelope.
    pub sha256: String,
    /// The end of its period.
    pub to: Timestamp,
}
