//! SHA-256 of bytes that arrive in chunks, verified against the checksum that S3 stores of them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crc_fast::{CrcAlgorithm, Digest as CrcDigest};
use lambda_support::Fault;
use sha2::{Digest, Sha256};
use sluice_types::Checksum;
use sluice_types::digest::hex;

/// Both digests take the same bytes in turn, this many at a time, so that the second one finds them in the cache.
const CHUNK_BYTES: usize = 64 * 1024;

/// Computes SHA-256 and, where S3 stores a CRC of the whole object, that CRC too.
pub(crate) struct VerifyingHasher {
    sha256: Sha256,
    expected: Option<Expected>,
}

/// The checksum that S3 stores of the whole object.
struct Expected {
    checksum: Checksum,
    /// The CRC so far and its width in bytes; `None` if the checksum is a SHA-256.
    crc: Option<(CrcDigest, usize)>,
}

impl VerifyingHasher {
    /// Verifies `checksum` at the end if it is of the whole object and its algorithm is supported.
    pub(crate) fn new(checksum: Option<&Checksum>) -> Self {
        let full_object = checksum.filter(|checksum| checksum.kind.as_deref() == Some("FULL_OBJECT"));
        let expected = full_object.and_then(|checksum| {
            let crc = match checksum.algorithm {
                "CRC64NVME" => Some((CrcDigest::new(CrcAlgorithm::Crc64Nvme), 8)),
                "CRC32" => Some((CrcDigest::new(CrcAlgorithm::Crc32IsoHdlc), 4)),
                "CRC32C" => Some((CrcDigest::new(CrcAlgorithm::Crc32Iscsi), 4)),
                "SHA256" => None,
                _ => return None,
            };
            Some(Expected { checksum: checksum.clone(), crc })
        });
        Self { sha256: Sha256::new(), expected }
    }

    /// Adds the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let mut crc = self.expected.as_mut().and_then(|expected| expected.crc.as_mut());
        for chunk in bytes.chunks(CHUNK_BYTES) {
            self.sha256.update(chunk);
            if let Some((crc, _)) = &mut crc {
                crc.update(chunk);
            }
        }
    }

    /// The SHA-256, hexadecimal.
    ///
    /// # Errors
    /// When the bytes do not match S3's checksum: they were damaged in transit or in storage.
    pub(crate) fn finish(self) -> Result<String, Fault> {
        let sha256 = self.sha256.finalize();
        if let Some(Expected { checksum, crc }) = &self.expected {
            let computed = match crc {
                Some((crc, width)) => {
                    let bytes = crc.finalize().to_be_bytes();
                    BASE64_STANDARD.encode(&bytes[bytes.len() - width..])
                }
                None => BASE64_STANDARD.encode(sha256),
            };
            if computed != checksum.value {
                let (algorithm, stored) = (checksum.algorithm, &checksum.value);
                let reason =
                    format!("S3 stores the {algorithm} `{stored}`, the bytes that were read have `{computed}`");
                return Err(Fault::new("GetObject", reason));
            }
        }
        Ok(hex(&sha256))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checksum(algorithm: &'static str, kind: Option<&str>, value: &str) -> Checksum {
        Checksum { algorithm, kind: kind.map(str::to_owned), value: value.into() }
    }

    fn hash(checksum: &Checksum, bytes: &[u8]) -> Result<String, Fault> {
        let mut hasher = VerifyingHasher::new(Some(checksum));
        bytes.chunks(2).for_each(|chunk| hasher.update(chunk));
        hasher.finish()
    }

    /// The check values of the CRC catalogue, for `123456789`, as S3 reports them.
    #[test]
    fn bytes_that_do_not_match_the_checksum_of_the_whole_object_are_a_fault() {
        let values = [
            ("CRC32", "y/Q5Jg=="),
            ("CRC32C", "4waSgw=="),
            ("CRC64NVME", "rosUhgp5mIg="),
            ("SHA256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
        ];
        for (algorithm, value) in values {
            let stored = checksum(algorithm, Some("FULL_OBJECT"), value);
            let sha256 = hash(&stored, b"123456789").unwrap_or_default();
            assert_eq!(sha256, sluice_types::digest::sha256(b"123456789"), "{algorithm}");
            assert!(hash(&stored, b"123456788").is_err(), "{algorithm}");
        }
    }

    #[test]
    fn a_checksum_of_parts_or_of_another_algorithm_is_not_verified() {
        for (algorithm, kind) in [("SHA256", Some("COMPOSITE")), ("CRC32", None), ("XXHASH64", Some("FULL_OBJECT"))] {
            assert!(hash(&checksum(algorithm, kind, "AAAA-2"), b"1").is_ok());
        }
    }
}
