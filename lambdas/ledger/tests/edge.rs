//! What lies in the bucket and is not the ledger's, over HTTP: whoever may write there does not stop the ledger by it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../provenance/tests/fake_s3/mod.rs"]
mod fake_s3;

use fake_s3::{Answer, Request, config, serve};
use ledger::edge::Aws;
use ledger::effect::{Body, Effect, EffectResult};
use ledger::settings::Settings;
use sluice_types::digest::sha256;

async fn perform(
    effect: Effect,
    answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
) -> Result<EffectResult, lambda_support::Fault> {
    let settings = Settings { receipts_bucket: "receipts".into(), signing_key: "alias/ledger".into() };
    let aws = Aws::new(&config(&serve(answer).await), settings);
    aws.perform(&effect).await
}

fn page(keys: &[&str], more: bool) -> Answer {
    let keys = keys.iter().map(|k| format!("<Contents><Key>{k}</Key></Contents>"));
    let (keys, body) = (keys.collect::<String>(), "ListBucketResult");
    let text = format!("<{body}><IsTruncated>{more}</IsTruncated>{keys}</{body}>");
    Answer { body: text.into_bytes(), ..Answer::of(200) }
}

#[tokio::test]
async fn what_is_not_a_manifest_is_passed_over() {
    let answer = |request: &Request| {
        if request.target.contains("zz") {
            page(&["ledger/zzz/000000000009.json"], false)
        } else if request.target.contains("0007.json") {
            page(&["ledger/000000000007.json.bak", "ledger/zz"], true)
        } else {
            page(&["ledger/000000000003x.json", "ledger/000000000007.json"], true)
        }
    };
    for (after, expected) in [(2, Some(7)), (7, None)] {
        let found = perform(Effect::NextManifest { after }, answer).await;
        assert_eq!(found.unwrap(), EffectResult::Next(expected));
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_as_good_as_not_there() {
    let keys = ["good", "none", "long", "own-key", "archive", "huge"];
    let answer = |request: &Request| {
        let is = |name: &str| request.target.contains(name);
        match () {
            () if is("none") => Answer::error(404, "NoSuchKey"),
            () if is("long") => Answer::error(400, "KeyTooLongError"),
            () if is("own-key") => Answer::error(400, "InvalidRequest"),
            () if is("archive") => Answer::error(403, "InvalidObjectState"),
            () if is("huge") => Answer::object(&vec![b' '; 100_000], request),
            () => Answer::object(b"{}", request),
        }
    };
    let names = keys.map(|k| format!("provenance/{k}")).to_vec();
    let read = perform(Effect::ReadRecords(names), answer).await.unwrap();
    let good = Body { bytes: b"{}".to_vec(), sha256: sha256(b"{}") };
    assert_eq!(read, EffectResult::Read(vec![Some(good), None, None, None, None, None]));
}

#[tokio::test]
async fn what_is_denied_or_too_early_is_a_fault() {
    for (status, code) in
        [(403, "AccessDenied"), (400, "ExpiredToken"), (503, "SlowDown"), (400, "KMS.DisabledException")]
    {
        let names = vec!["provenance/a".to_owned()];
        let answer = move |_: &Request| Answer::error(status, code);
        assert!(perform(Effect::ReadRecords(names), answer).await.is_err(), "{code}");
    }
}

/// XML cannot carry every key, so listings are asked for URL-encoded.
#[tokio::test]
async fn keys_of_listings_are_decoded() {
    let answer = |request: &Request| {
        assert!(request.target.contains("encoding-type=url"), "{}", request.target);
        let text = "<ListBucketResult><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>\
                    <Contents><Key>journal/a+b%01%EF%BF%BF</Key></Contents></ListBucketResult>";
        Answer { body: text.into(), ..Answer::of(200) }
    };
    let after = "journal/".to_owned();
    let page = perform(Effect::ListJournal { after }, answer).await.unwrap();
    let keys = vec!["journal/a b\u{1}\u{ffff}".to_owned()];
    assert_eq!(page, EffectResult::Page { keys, more: false });
}

#[tokio::test]
async fn a_signature_that_kms_does_not_know_is_invalid_and_any_other_error_a_fault() {
    let verify = || Effect::Verify { digest: [0; 32], signature: vec![0x30, 6, 2, 1, 1, 2, 1, 1] };
    let invalid =
        |_: &Request| Answer { body: br#"{"__type":"KMSInvalidSignatureException"}"#.to_vec(), ..Answer::of(400) };
    assert_eq!(perform(verify(), invalid).await.unwrap(), EffectResult::Verified(false));
    let denied = |_: &Request| Answer { body: br#"{"__type":"AccessDeniedException"}"#.to_vec(), ..Answer::of(400) };
    assert!(perform(verify(), denied).await.is_err());
}
