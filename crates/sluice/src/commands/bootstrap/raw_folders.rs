//! The folders of the raw bucket, and a small object that tests write access.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use serde_json::json;

use crate::aws::errors::explain;
use crate::aws::s3::{Store, action_on};
use crate::report::Report;

const HELLO: &[u8] = b"hello\n";

/// The keys of the folder markers.
pub(crate) fn marker_keys(prefix: &str, day: &str) -> [String; 3] {
    [format!("{prefix}raw/"), format!("{prefix}raw/events/{day}/"), format!("{prefix}raw/media/{day}/")]
}

pub(crate) fn hello_key(prefix: &str) -> String {
    format!("{prefix}raw/test/hello.txt")
}

/// Whether an object exists under the key that the smoke test did not write.
pub(crate) async fn has_other_content(s3: &Client, bucket: &str, key: &str) -> anyhow::Result<bool> {
    let store = Store { s3: s3.clone() };
    let Some(attributes) = store.head(bucket, key, None).await? else {
        return Ok(false);
    };
    if attributes.size != HELLO.len() as u64 {
        return Ok(true);
    }
    let found = store.read(bucket, key, None, attributes.size).await?;
    Ok(found.is_some_and(|bytes| bytes != HELLO))
}

/// Puts a small object and checks that it is listed.
pub(crate) async fn smoke_test(s3: &Client, bucket: &str, key: &str, report: &Report) -> anyhow::Result<()> {
    let request = s3.put_object().bucket(bucket).key(key).content_type("text/plain");
    let put = request.body(ByteStream::from_static(HELLO)).send().await;
    put.map_err(|e| explain(action_on("write", bucket, key), &e))?;
    let mut pages = Store { s3: s3.clone() }.objects(bucket, key);
    let mut is_listed = false;
    while let Some(page) = pages.next().await? {
        is_listed |= page.iter().any(|found| found == key);
    }
    let shown = lambda_support::log::escape(key);
    anyhow::ensure!(
        is_listed,
        "`s3://{bucket}/{shown}` was written and is not listed, although S3 listings are consistent: run this again"
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

    #[test]
    fn folder_markers_are_those_of_the_first_tool() {
        let keys = marker_keys("wistia/", "2026/11/23");
        assert_eq!(keys, ["wistia/raw/", "wistia/raw/events/2026/11/23/", "wistia/raw/media/2026/11/23/"]);
        assert_eq!(marker_keys("", "2026/11/23")[0], "raw/");
    }
}
