//! Object keys that stay within S3's limit, and digests as text.

use sha2::{Digest, Sha256};

/// S3's limit on a key, in bytes of UTF-8.
pub const MAX_KEY: usize = 1024;

/// `front` + `key` + `ending`, at most [`MAX_KEY`] bytes: a key too long for that is cut and carries the SHA-256 of the
/// whole key instead, so that two keys never become one.
#[must_use]
pub fn fit(front: &str, key: &str, ending: &str) -> String {
    if front.len() + key.len() + ending.len() <= MAX_KEY {
        return format!("{front}{key}{ending}");
    }
    let tag = format!("~{}", sha256(key.as_bytes()));
    let room = MAX_KEY.saturating_sub(front.len() + tag.len() + ending.len());
    let cut = key.floor_char_boundary(room);
    format!("{front}{}{tag}{ending}", &key[..cut])
}

/// SHA-256, hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_fit_and_differ(a in "[a/.é漢]{1,400}", b in "[a/.é漢]{1,400}") {
            prop_assume!(a.len() <= MAX_KEY && b.len() <= MAX_KEY && a != b);
            let name = |key: &str| fit("front/bucket/", key, "/b7YcjgV4OVh5TAr2ed3RyXG73F_Zh78j.deferred.json");
            prop_assert!(name(&a).len() <= MAX_KEY);
            prop_assert_ne!(name(&a), name(&b));
        }
    }
}
