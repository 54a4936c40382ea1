//! The one form of a signature that a manifest may carry.
//!
//! Of an ECDSA signature (r, s) everybody can make (r, n - s), which verifies as well, without the key. A manifest is
//! named by the digest of its envelope, so there must be one envelope for one statement: the ledger writes the form with
//! the low s in strict DER, and nobody takes another. KMS answers with either.

use p256::ecdsa::Signature;

/// A signature that is not one of ECDSA on P-256 in DER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not an ECDSA signature on P-256 in DER")]
pub struct NotASignature;

/// The same signature in the one form that a manifest may carry.
///
/// # Errors
/// When it is not a signature.
pub fn canonical(signature: &[u8]) -> Result<Vec<u8>, NotASignature> {
    let signature = Signature::from_der(signature).map_err(|_| NotASignature)?;
    Ok(signature.normalize_s().to_der().as_bytes().to_vec())
}

/// Whether it has that form already.
#[must_use]
pub fn is_canonical(signature: &[u8]) -> bool {
    canonical(signature).is_ok_and(|canonical| canonical == signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
    };

    /// The other signature of the same message, which anybody can make without the key.
    fn mirrored(signature: &[u8]) -> Vec<u8> {
        let signature = Signature::from_der(signature).unwrap();
        let (r, s) = signature.split_scalars();
        let mirrored = Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
        mirrored.to_der().as_bytes().to_vec()
    }

    /// With the other implementation: both forms verify, one is written.
    #[test]
    fn of_two_signatures_that_verify_one_is_canonical() {
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
    fn another_spelling_is_refused() {
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
