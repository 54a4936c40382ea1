//! The SHA-256 of bytes that come in pieces, beside the checksum that S3 keeps of them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crc_fast::{CrcAlgorithm, Digest as Crc};
use lambda_support::Fault;
use sha2::{Digest, Sha256};
use sluice_types::Checksum;
use sluice_types::digest::hex;

/// Bytes that both digests take in turn, so that the second finds them in the cache.
const PIECE: usize = 64 * 1024;

/// Both digests of what was added so far.
pub struct Sum {
    sha256: Sha256,
    told: Option<Told>,
}

/// What S3 says the checksum of the whole object is, and where the same stands here.
struct Told {
    checksum: Checksum,
    /// `None` where S3 keeps a SHA-256.
    crc: Option<(Crc, usize)>,
}

impl Sum {
    /// Of no bytes yet; `checksum` is held against them at the end if it is of the whole object and of an algorithm
    /// that S3 can compute so.
    #[must_use]
    pub fn new(checksum: Option<&Checksum>) -> Self {
        let whole = checksum.filter(|c| c.kind.as_deref() == Some("FULL_OBJECT"));
        let told = whole.and_then(|checksum| {
            let crc = match checksum.algorithm {
                "CRC64NVME" => Some((Crc::new(CrcAlgorithm::Crc64Nvme), 8)),
                "CRC32" => Some((Crc::new(CrcAlgorithm::Crc32IsoHdlc), 4)),
                "CRC32C" => Some((Crc::new(CrcAlgorithm::Crc32Iscsi), 4)),
                "SHA256" => None,
                _ => return None,
            };
            Some(Told { checksum: checksum.clone(), crc })
        });
        Self { sha256: Sha256::new(), told }
    }

    /// Adds the bytes that come next.
    pub fn add(&mut self, bytes: &[u8]) {
        let mut crc = self.told.as_mut().and_then(|t| t.crc.as_mut());
        for piece in bytes.chunks(PIECE) {
            self.sha256.update(piece);
            if let Some((crc, _)) = &mut crc {
                crc.update(piece);
            }
        }
    }

    /// The SHA-256, hexadecimal.
    ///
    /// # Errors
    /// When S3's own checksum is not that of these bytes: they were damaged on their way, or where they are kept.
    pub fn finish(self) -> Result<String, Fault> {
        let sha256 = self.sha256.finalize();
        if let Some(Told { checksum, crc }) = &self.told {
            let ours = match crc {
                Some((crc, width)) => {
                    let bytes = crc.finalize().to_be_bytes();
                    BASE64_STANDARD.encode(&bytes[bytes.len() - width..])
                }
                None => BASE64_STANDARD.encode(sha256),
            };
            if ours != checksum.value {
                let (algorithm, value) = (checksum.algorithm, &checksum.value);
                let why = format!("S3 keeps the {algorithm} `{value}`, the bytes that were read have `{ours}`");
                return Err(Fault::new("GetObject", why));
            }
        }
        Ok(hex(&sha256))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(algorithm: &'static str, kind: Option<&str>, value: &str) -> Checksum {
        Checksum { algorithm, kind: kind.map(str::to_owned), value: value.into() }
    }

    fn sum(checksum: &Checksum, bytes: &[u8]) -> Result<String, Fault> {
        let mut sum = Sum::new(Some(checksum));
        bytes.chunks(2).for_each(|piece| sum.add(piece));
        sum.finish()
    }

    /// The check values of the CRC catalogue, for `123456789`, as S3 writes them.
    #[test]
    fn the_checksum_of_the_whole_object_is_held_against_the_bytes() {
        let values = [
            ("CRC32", "y/Q5Jg=="),
            ("CRC32C", "4waSgw=="),
            ("CRC64NVME", "rosUhgp5mIg="),
            ("SHA256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
        ];
        for (algorithm, value) in values {
            let checksum = kept(algorithm, Some("FULL_OBJECT"), value);
            let sha256 = sum(&checksum, b"123456789").unwrap_or_default();
            assert_eq!(sha256, sluice_types::digest::sha256(b"123456789"), "{algorithm}");
            assert!(sum(&checksum, b"123456788").is_err(), "{algorithm}");
        }
    }

    #[test]
    fn what_is_not_of_the_whole_object_is_not_compared() {
        for (algorithm, kind) in [("SHA256", Some("COMPOSITE")), ("CRC32", None), ("XXHASH64", Some("FULL_OBJECT"))] {
            assert!(sum(&kept(algorithm, kind, "AAAA-2"), b"1").is_ok());
        }
    }
}
