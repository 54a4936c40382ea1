//! The public keys that verify the signatures of manifests.

use std::path::Path;

use anyhow::{Context, bail};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use sluice_types::digest::sha256;

/// The tag of a PEM block with a public key.
const PEM_TAG: &str = "PUBLIC KEY";

/// Public keys on the curve P-256: one, or several after a rotation of the signing key.
pub(super) struct PublicKeys(Vec<PublicKey>);

struct PublicKey {
    key: ParsedPublicKey,
    /// SHA-256 of the key's DER encoding, hexadecimal.
    fingerprint: String,
}

impl PublicKeys {
    /// Reads a file of PEM blocks.
    ///
    /// # Errors
    /// If it cannot be read, or has no public key or one of another kind.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the public key `{shown}`"))?;
        Self::parse(&text).with_context(|| format!("cannot use the public key `{shown}`"))
    }

    /// Parses PEM blocks; blocks that are not public keys are ignored.
    ///
    /// # Errors
    /// If a block is not valid, or there is no public key or one of another kind.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut keys = Self(Vec::new());
        for block in pem::parse_many(text).context("it is not a valid PEM file")? {
            if block.tag() == PEM_TAG {
                keys.add(block.contents())?;
            }
        }
        if keys.0.is_empty() {
            bail!("it has no complete `-----BEGIN {PEM_TAG}-----` block");
        }
        Ok(keys)
    }

    /// Parses one key in DER (`SubjectPublicKeyInfo`).
    ///
    /// # Errors
    /// If it is of another kind.
    pub(super) fn from_der(der: &[u8]) -> anyhow::Result<Self> {
        let mut keys = Self(Vec::new());
        keys.add(der)?;
        Ok(keys)
    }

    fn add(&mut self, der: &[u8]) -> anyhow::Result<()> {
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, der).ok();
        let key = parsed.context("it is not a public key on the curve P-256 (ECDSA)")?;
        self.0.push(PublicKey { key, fingerprint: sha256(der) });
        Ok(())
    }

    /// Whether one of the keys made this signature.
    pub(super) fn verify(&self, signed: &[u8], signature: &[u8]) -> bool {
        self.0.iter().any(|public_key| public_key.key.verify_sig(signed, signature).is_ok())
    }

    /// The fingerprints of the keys, to compare with stored ones.
    pub(super) fn fingerprints(&self) -> Vec<&str> {
        self.0.iter().map(|public_key| public_key.fingerprint.as_str()).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A public key.
    pub(in crate::commands::verify) const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n-----END PUBLIC KEY-----\n";

    /// The fingerprint is that of `openssl pkey -pubin -outform der | sha256sum`.
    #[test]
    fn pem_blocks_are_parsed() {
        let pem = PEM;
        let keys = PublicKeys::parse(pem).unwrap();
        assert_eq!(keys.fingerprints().len(), 1);
        assert_eq!(PublicKeys::parse(&pem.repeat(2)).unwrap().fingerprints().len(), 2);
        for invalid in ["", "-----BEGIN PUBLIC KEY-----\nAA==", &pem.replace("MFkw", "MFkx")] {
            assert!(PublicKeys::parse(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn text_of_every_error() {
        let mut text = String::new();
        for invalid in
            ["", "-----BEGIN PUBLIC KEY-----\nAA==", &PEM.replace("MFkw", "MFkx"), &PEM.replace("MFkw", "MF!w")]
        {
            let error = PublicKeys::parse(invalid).map(|_| ()).unwrap_err();
            text.push_str(&format!("{}\n", error));
        }
        crate::report::testing::assert_text("public-key-errors", text);
    }
}
