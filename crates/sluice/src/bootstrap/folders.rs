//! The folders of the raw bucket, and one small object to see that it can be written.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use lambda_support::aws::{ErrorClass, classify};
use serde_json::json;

use crate::aws::explain;
use crate::report::Report;
use crate::store::{Store, place};

const HELLO: &[u8] = b"hello\n";

/// The folders of the raw bucket: a key that ends in a slash, without bytes.
#[must_use]
pub fn marker_keys(prefix: &str, day: &str) -> [String; 3] {
    [format!("{prefix}raw/"), format!("{prefix}raw/events/{day}/"), format!("{prefix}raw/media/{day}/")]
}

/// The key of the object that the smoke test writes.
#[must_use]
pub fn hello_key(prefix: &str) -> String {
    format!("{prefix}raw/test/hello.txt")
}

/// Those of the keys that do not exist.
///
/// # Errors
/// When S3 does not say.
pub async fn missing(s3: &Client, bucket: &str, keys: &[String]) -> anyhow::Result<Vec<String>> {
    let store = Store { s3: s3.clone() };
    let mut missing = Vec::new();
    for key in keys {
        if store.head(bucket, key, None).await?.is_none() {
            missing.push(key.clone());
        }
    }
    Ok(missing)
}

/// Whether the key holds something else than what the smoke test writes.
///
/// # Errors
/// When S3 does not say.
pub async fn other_hello(s3: &Client, bucket: &str, key: &str) -> anyhow::Result<bool> {
    let store = Store { s3: s3.clone() };
    let Some(facts) = store.head(bucket, key, None).await? else {
        return Ok(false);
    };
    if facts.size != HELLO.len() as u64 {
        return Ok(true);
    }
    let found = store.read(bucket, key, None, facts.size).await?;
    Ok(found.is_some_and(|bytes| bytes != HELLO))
}

/// Creates the folders that do not exist.
///
/// # Errors
/// When AWS refuses.
pub async fn create(s3: &Client, bucket: &str, keys: &[String], report: &Report) -> anyhow::Result<()> {
    for key in keys {
        let request = s3.put_object().bucket(bucket).key(key).if_none_match("*");
        let result = match request.body(ByteStream::from_static(b"")).send().await {
            Ok(_) => "made",
            Err(error) if classify(&error) == ErrorClass::PreconditionFailed => "there already",
            Err(error) => return Err(explain(place("make", bucket, key), &error)),
        };
        report.line(
            format_args!("s3://{bucket}/{} {result}", lambda_support::log::escape(key)),
            &json!({"bucket": bucket, "key": key, "result": result}),
        );
    }
    Ok(())
}

/// Writes one small object where the raw writer may, and sees it in a listing.
///
/// # Errors
/// When AWS refuses, or does not list it.
pub async fn smoke_test(s3: &Client, bucket: &str, key: &str, report: &Report) -> anyhow::Result<()> {
    let request = s3.put_object().bucket(bucket).key(key);
    let request = request.content_type("text/plain");
    let put = request.body(ByteStream::from_static(HELLO)).send().await;
    put.map_err(|e| explain(place("write", bucket, key), &e))?;
    let mut pages = Store { s3: s3.clone() }.objects(bucket, key);
    let mut listed = false;
    while let Some(page) = pages.next().await? {
        listed |= page.iter().any(|found| found == key);
    }
    let shown = lambda_support::log::escape(key);
    anyhow::ensure!(
        listed,
        "`s3://{bucket}/{shown}` was written and is not listed: run this again; S3 lists at once what it has stored"
    );
    report.line(
        format_args!("s3://{bucket}/{shown} written and listed"),
        &json!({"bucket": bucket, "key": key, "result": "listed"}),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 000.4: the markers under raw.
    #[test]
    fn markers_are_where_the_first_tool_put_them() {
        let keys = marker_keys("wistia/", "2026/11/23");
        assert_eq!(keys, ["wistia/raw/", "wistia/raw/events/2026/11/23/", "wistia/raw/media/2026/11/23/"]);
        assert_eq!(marker_keys("", "2026/11/23")[0], "raw/");
    }
}
