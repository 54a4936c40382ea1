//! Recognizes common files that are not UTF-8 JSON by their first bytes, so that the problem can name what to do.

use crate::problem::Problem;

/// The first bytes of a file type and the message for it. No JSON text begins with any of these.
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "this is gzip-compressed data, not JSON: decompress it before uploading"),
    (b"BZh", "this is bzip2-compressed data, not JSON: decompress it before uploading"),
    (b"\xfd7zXZ\0", "this is xz-compressed data, not JSON: decompress it before uploading"),
    (b"\x28\xb5\x2f\xfd", "this is zstd-compressed data, not JSON: decompress it before uploading"),
    (b"PK\x03\x04", "this is a zip archive, not JSON: extract it and upload the JSON files in it"),
    (b"PAR1", "this is a Parquet file, not JSON: upload each item as a separate JSON file"),
    (b"Obj\x01", "this is an Avro file, not JSON: upload each item as a separate JSON file"),
    (b"ORC", "this is an ORC file, not JSON: upload each item as a separate JSON file"),
    (b"%PDF-", "this is a PDF document, not JSON: upload the item as a JSON file"),
];

/// The problem of a file whose type is recognized; `None` for everything else, including JSON.
pub(crate) fn problem(bytes: &[u8]) -> Option<Problem> {
    if let Some(encoding) = encoding(bytes) {
        let message = format!("this is {encoding} text: save it as UTF-8 without a byte order mark");
        return Some(Problem::new("", "utf-8", message));
    }
    let (_, message) = SIGNATURES.iter().find(|(start, _)| bytes.starts_with(start))?;
    Some(Problem::new("", "file-type", *message))
}

/// UTF-16 or UTF-32, by the byte order mark, or by the zero bytes around the ASCII character that JSON begins with.
fn encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        [1..=255, 0, 0, 0, ..] | [0, 0, 0, 1..=255, ..] => Some("UTF-32"),
        [1..=255, 0, ..] | [0, 1..=255, ..] => Some("UTF-16"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule_and_message(bytes: &[u8]) -> Option<(String, String)> {
        problem(bytes).map(|p| (p.rule, p.message))
    }

    fn encoded(unit: usize, big: bool, mark: bool) -> Vec<u8> {
        let text = if mark { "\u{feff}{\"a\": 1}" } else { "{\"a\": 1}" };
        let units = text.chars().map(|c| u32::from(c).to_be_bytes());
        let bytes = units.flat_map(|bytes| {
            let mut bytes = bytes[4 - unit..].to_vec();
            if !big {
                bytes.reverse();
            }
            bytes
        });
        bytes.collect()
    }

    #[test]
    fn utf_16_and_utf_32_are_recognized_with_and_without_a_byte_order_mark() {
        for (unit, name) in [(2, "UTF-16"), (4, "UTF-32")] {
            for (big, mark) in [(true, true), (true, false), (false, true), (false, false)] {
                let (rule, message) = rule_and_message(&encoded(unit, big, mark)).unwrap();
                assert_eq!(rule, "utf-8");
                assert!(message.contains(name) && message.contains("save it as UTF-8"), "{message}");
            }
        }
    }

    #[test]
    fn compressed_archived_and_columnar_files_are_recognized() {
        for (bytes, name) in [
            (&b"\x1f\x8b\x08\x00"[..], "gzip"),
            (b"BZh91AY&SY", "bzip2"),
            (b"\xfd7zXZ\x00\x00", "xz"),
            (b"\x28\xb5\x2f\xfd\x04", "zstd"),
            (b"PK\x03\x04\x14", "zip"),
            (b"PAR1\x15\x04", "Parquet"),
            (b"Obj\x01\x04", "Avro"),
        ] {
            let (rule, message) = rule_and_message(bytes).unwrap();
            assert!(rule == "file-type" && message.contains(name), "{message}");
        }
    }

    #[test]
    fn json_and_unknown_files_have_no_problem() {
        for bytes in [&b""[..], b"{", b"{}", b" {}", b"[1]", b"\xef\xbb\xbf{}", b"\x89PNG", b"\xff", b"\0", b"\0\0"] {
            assert_eq!(rule_and_message(bytes), None, "{bytes:?}");
        }
    }
}
