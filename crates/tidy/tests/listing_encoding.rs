//! Every S3 listing requests URL-encoded keys: XML cannot represent every character that a key may contain.

use tidy::program_sources;

/// The operations that list keys.
const LISTINGS: [&str; 3] = [".list_objects_v2()", ".list_object_versions()", ".list_multipart_uploads()"];

#[test]
fn every_listing_requests_encoded_keys() {
    let mut listings = 0;
    for source in program_sources() {
        for call in LISTINGS {
            for (start, _) in source.text.match_indices(call) {
                let request = source.text[start..].split(';').next().unwrap_or_default();
                let encoded = request.contains(".encoding_type(EncodingType::Url)");
                assert!(encoded, "{}: `{call}` without encoding_type", source.path);
                listings += 1;
            }
        }
    }
    assert!(listings >= 8, "only {listings} listings found");
}
