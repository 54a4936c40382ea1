//! Every S3 listing requests URL-encoded keys: XML cannot represent every character that a key may contain.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use walkdir::WalkDir;

/// The operations that list keys.
const LISTINGS: [&str; 3] = [".list_objects_v2()", ".list_object_versions()", ".list_multipart_uploads()"];

#[test]
fn every_listing_requests_encoded_keys() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut listings = 0;
    for folder in ["lambdas", "crates"] {
        let files = WalkDir::new(root.join(folder)).into_iter();
        for file in files.map(Result::unwrap) {
            let path = file.path();
            let source = path.components().any(|part| part.as_os_str() == "src");
            if !source || path.extension().is_none_or(|end| end != "rs") {
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            for call in LISTINGS {
                for (at, _) in text.match_indices(call) {
                    let request = text[at..].split(".await").next().unwrap_or_default();
                    let encoded = request.contains(".encoding_type(EncodingType::Url)");
                    assert!(encoded, "{}: `{call}` without encoding_type", path.display());
                    listings += 1;
                }
            }
        }
    }
    assert!(listings >= 8, "the search finds listings: {listings}");
}
