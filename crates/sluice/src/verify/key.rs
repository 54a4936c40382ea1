//! The public keys that manifests are verified with.

use std::path::Path;

use anyhow::{Context, bail};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lambda_support::names::sha256;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// Public keys, ECC P-256: one, or several after the signing key was exchanged.
pub struct PublicKeys(Vec<(ParsedPublicKey, String)>);

impl PublicKeys {
    /// The keys in a file of PEM blocks.
    ///
    /// # Errors
    /// When it cannot be read or has something else.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the public key `{shown}`"))?;
        Self::parse(&text).with_context(|| format!("cannot use the public key `{shown}`"))
    }

    /// The keys in PEM blocks.
    ///
    /// # Errors
    /// When there is none, or one of another kind.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut keys = Self(Vec::new());
        let mut rest = text;
        while let Some((_, after)) = rest.split_once(BEGIN) {
            let (block, after) = after.split_once(END).context("a PEM block has no end")?;
            let base64: String = block.split_whitespace().collect();
            keys.add(&BASE64_STANDARD.decode(base64).context("a PEM block is not base64")?)?;
            rest = after;
        }
        if keys.0.is_empty() {
            bail!("it has no `{BEGIN}` block");
        }
        Ok(keys)
    }

    /// The key with this DER (`SubjectPublicKeyInfo`).
    ///
    /// # Errors
    /// When it is of another kind.
    pub fn of_der(der: &[u8]) -> anyhow::Result<Self> {
        let mut keys = Self(Vec::new());
        keys.add(der)?;
        Ok(keys)
    }

    fn add(&mut self, der: &[u8]) -> anyhow::Result<()> {
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, der);
        let key = key.ok().context("it is not an ECC P-256 public key")?;
        self.0.push((key, sha256(der)));
        Ok(())
    }

    /// Whether one of them signed this.
    #[must_use]
    pub fn verify(&self, signed: &[u8], signature: &[u8]) -> bool {
        let mut keys = self.0.iter();
        keys.any(|(key, _)| key.verify_sig(signed, signature).is_ok())
    }

    /// SHA-256 of each key's DER, hexadecimal: to compare with what was written down.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<&str> {
        self.0.iter().map(|(_, print)| print.as_str()).collect()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A public key.
    pub const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n-----END PUBLIC KEY-----\n";

    /// The fingerprint is that of `openssl pkey -pubin -outform der | sha256sum`.
    #[test]
    fn a_pem_file_is_read() {
        let pem = PEM;
        let keys = PublicKeys::parse(pem).unwrap();
        assert_eq!(keys.fingerprints().len(), 1);
        assert_eq!(PublicKeys::parse(&pem.repeat(2)).unwrap().fingerprints().len(), 2);
        for bad in ["", "-----BEGIN PUBLIC KEY-----\nAA==", &pem.replace("MFkw", "MFkx")] {
            assert!(PublicKeys::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn text_of_every_error() {
        let mut text = String::new();
        for bad in ["", "-----BEGIN PUBLIC KEY-----\nAA==", &PEM.replace("MFkw", "MFkx"), &PEM.replace("MFkw", "MF!w")]
        {
            let error = PublicKeys::parse(bad).map(|_| ()).unwrap_err();
            text.push_str(&format!("{}\n", error));
        }
        crate::report::testing::assert_text("public-key-errors", text);
    }
}
