//! The canonical form of a manifest's signature.
//!
//! From an ECDSA signature (r, s) anyone can derive (r, n - s), which verifies too, without the key. A manifest is
//! identified by the digest of its envelope, so a statement must have only one valid envelope. The ledger writes the form
//! with the low s in strict DER, and every reader rejects other forms. KMS returns either form.

use p256::ecdsa::Signature;

/// The bytes are not an ECDSA signature on P-256 in DER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not an ECDSA signature on P-256 in DER")]
pub struct InvalidSignature;

/// The same signature in canonical form.
///
/// # Errors
/// When the bytes are not a signature.
pub fn canonical(signature: &[u8]) -> Result<Vec<u8>, InvalidSignature> {
    let signature = Signature::from_der(signature).map_err(|_| InvalidSignature)?;
    Ok(signature.normalize_s().to_der().as_bytes().to_vec())
}

/// Whether the bytes are a signature in canonical form.
#[must_use]
pub(crate) fn is_canonical(signature: &[u8]) -> bool {
    canonical(signature).is_ok_and(|canonical| canonical == signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
    };

    /// The other valid signature of the same message, derived without the key.
    fn mirrored(signature: &[u8]) -> Vec<u8> {
        let signature = Signature::from_der(signature).unwrap();
        let (r, s) = signature.split_scalars();
        let mirrored = Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
        mirrored.to_der().as_bytes().to_vec()
    }

    /// Verified with another implementation, which accepts both forms.
    #[test]
    fn one_of_the_two_valid_signatures_is_canonical() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, pair.public_key().as_ref());
        for message in 0..32_u8 {
            let signed = pair.sign(&SystemRandom::new(), &[message]).unwrap();
            let one = canonical(signed.as_ref()).unwrap();
            let other = mirrored(&one);
            assert_eq!(canonical(&other), Ok(one.clone()));
            assert!(is_canonical(&one) && !is_canonical(&other));
            for signature in [&one, &other] {
                assert!(key.verify(&[message], signature).is_ok());
            }
        }
    }

    #[test]
    fn other_encodings_are_not_canonical() {
        let one = [0x30, 6, 2, 1, 1, 2, 1, 1];
        assert!(is_canonical(&one));
        for other in [
            &[0x30, 7, 2, 2, 0, 1, 2, 1, 1][..],
            &[0x30, 6, 2, 1, 1, 2, 1, 1, 0],
            &[0x30, 0x81, 6, 2, 1, 1, 2, 1, 1],
            &[0x30, 6, 2, 1, 0, 2, 1, 1],
            &[0x30, 6, 2, 1, 0xff, 2, 1, 1],
            b"",
            b"signature",
        ] {
            assert!(!is_canonical(other), "{other:?}");
        }
    }
}
