//! The edge against a fake S3 and KMS: foreign objects in the bucket do not stop the ledger.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../provenance/tests/fake_s3/mod.rs"]
mod fake_s3;

use fake_s3::{Request, Response, config, serve};
use ledger::edge::Aws;
use ledger::effect::{Body, Effect, EffectResult};
use ledger::settings::Settings;
use sluice_types::digest::sha256;

async fn perform(
    effect: Effect,
    response: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> Result<EffectResult, lambda_support::Fault> {
    let settings = Settings { receipts_bucket: "receipts".into(), signing_key: "alias/ledger".into() };
    let aws = Aws::new(&config(&serve(response).await), settings);
    aws.perform(&effect).await
}

fn page(keys: &[&str], next_token: Option<&str>) -> Response {
    let keys = keys.iter().map(|k| format!("<Contents><Key>{k}</Key></Contents>"));
    let (keys, body) = (keys.collect::<String>(), "ListBucketResult");
    let more = next_token.is_some();
    let token = next_token.map(|token| format!("<NextContinuationToken>{token}</NextContinuationToken>"));
    let token = token.unwrap_or_default();
    let text = format!("<{body}><IsTruncated>{more}</IsTruncated>{token}{keys}</{body}>");
    Response { body: text.into_bytes(), ..Response::of(200) }
}

#[tokio::test]
async fn keys_that_are_not_manifests_are_ignored() {
    let response = |request: &Request| {
        if request.target.contains("continuation-token=second") {
            page(&["ledger/zzz/000000000009.json"], None)
        } else if request.target.contains("0007.json") {
            page(&["ledger/000000000007.json.bak", "ledger/zz"], Some("second"))
        } else {
            page(&["ledger/000000000003x.json", "ledger/000000000007.json"], Some("more"))
        }
    };
    for (after, expected) in [(2, Some(7)), (7, None)] {
        let found = perform(Effect::FindManifest { after }, response).await;
        assert_eq!(found.unwrap(), EffectResult::ManifestFound(expected));
    }
}

#[tokio::test]
async fn objects_that_cannot_be_read_are_treated_as_missing() {
    let keys = ["good", "none", "long", "own-key", "archive", "huge"];
    let response = |request: &Request| {
        let is = |name: &str| request.target.contains(name);
        match () {
            () if is("none") => Response::error(404, "NoSuchKey"),
            () if is("long") => Response::error(400, "KeyTooLongError"),
            () if is("own-key") => Response::error(400, "InvalidRequest"),
            () if is("archive") => Response::error(403, "InvalidObjectState"),
            () if is("huge") => Response::object(&vec![b' '; 100_000], request),
            () => Response::object(b"{}", request),
        }
    };
    let names = keys.map(|k| format!("provenance/{k}")).to_vec();
    let read = perform(Effect::ReadRecords(names), response).await.unwrap();
    let good = Body { bytes: b"{}".to_vec(), sha256: sha256(b"{}") };
    assert_eq!(read, EffectResult::Objects(vec![Some(good), None, None, None, None, None]));
}

#[tokio::test]
async fn errors_that_may_be_temporary_are_faults() {
    for (status, code) in
        [(403, "AccessDenied"), (400, "ExpiredToken"), (503, "SlowDown"), (400, "KMS.DisabledException")]
    {
        let names = vec!["provenance/a".to_owned()];
        let response = move |_: &Request| Response::error(status, code);
        assert!(perform(Effect::ReadRecords(names), response).await.is_err(), "{code}");
    }
}

/// XML cannot carry every key, so listings are request for URL-encoded.
#[tokio::test]
async fn listings_request_url_encoding_and_decode_keys() {
    let response = |request: &Request| {
        assert!(request.target.contains("encoding-type=url"), "{}", request.target);
        let text = "<ListBucketResult><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>\
                    <Contents><Key>journal/a+b%01%EF%BF%BF</Key></Contents></ListBucketResult>";
        Response { body: text.into(), ..Response::of(200) }
    };
    let after = "journal/".to_owned();
    let page = perform(Effect::ListJournal { after }, response).await.unwrap();
    let keys = vec!["journal/a b\u{1}\u{ffff}".to_owned()];
    assert_eq!(page, EffectResult::JournalPage { keys, more: false });
}

#[tokio::test]
async fn an_invalid_signature_is_a_result_and_any_other_error_a_fault() {
    let verify = || Effect::Verify { digest: [0; 32], signature: vec![0x30, 6, 2, 1, 1, 2, 1, 1] };
    let invalid =
        |_: &Request| Response { body: br#"{"__type":"KMSInvalidSignatureException"}"#.to_vec(), ..Response::of(400) };
    assert_eq!(perform(verify(), invalid).await.unwrap(), EffectResult::Verified(false));
    let denied =
        |_: &Request| Response { body: br#"{"__type":"AccessDeniedException"}"#.to_vec(), ..Response::of(400) };
    assert!(perform(verify(), denied).await.is_err());
}
