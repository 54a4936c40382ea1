//! Folder markers: empty objects whose keys end in a slash, which consoles and tools show as folders.

use std::fmt::Display;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;
use lambda_support::aws::{ErrorClass, classify};
use lambda_support::log::escape;
use serde_json::json;

use crate::aws::errors::{explain, explain_with};
use crate::aws::s3::{Store, action_on};
use crate::report::Report;

/// The keys that do not exist.
pub(crate) async fn missing(s3: &Client, bucket: &str, keys: &[String]) -> anyhow::Result<Vec<String>> {
    let store = Store { s3: s3.clone() };
    let mut missing = Vec::new();
    for key in keys {
        if store.head(bucket, key, None).await?.is_none() {
            missing.push(key.clone());
        }
    }
    Ok(missing)
}

/// Creates the markers that do not exist.
///
/// # Errors
/// If one cannot be created; the message names the missing permission.
pub(crate) async fn create(s3: &Client, bucket: &str, keys: &[String], report: &Report) -> anyhow::Result<()> {
    for key in keys {
        let request = s3.put_object().bucket(bucket).key(key).if_none_match("*");
        let result = match request.body(ByteStream::from_static(b"")).send().await {
            Ok(_) => "made",
            Err(error) if classify(&error) == ErrorClass::PreconditionFailed => "there already",
            Err(error) => return Err(explain_put(action_on("create", bucket, key), &error)),
        };
        print_result(report, bucket, key, result);
    }
    Ok(())
}

fn print_result(report: &Report, bucket: &str, key: &str, result: &str) {
    report.line(
        format_args!("s3://{}/{} {result}", escape(bucket), escape(key)),
        &json!({"bucket": bucket, "key": key, "result": result}),
    );
}

fn explain_put(action: impl Display, error: &SdkError<PutObjectError, HttpResponse>) -> anyhow::Error {
    if classify(error) != ErrorClass::Denied {
        return explain(action, error);
    }
    let advice = "a permission is missing: your credentials need `s3:PutObject` on this object and, if the bucket encrypts with a KMS key, `kms:GenerateDataKey` on that key (docs/deploy/storage.json, statements MakeFolders and EncryptSchema)";
    explain_with(action, advice, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{HOSTILE, assert_escaped, assert_printed};

    #[test]
    fn text_and_json_of_every_marker() {
        assert_printed("bootstrap-markers", |report| {
            print_result(report, "raw", "incoming/", "made");
            print_result(report, "raw", "test/", "there already");
        });
        assert_escaped(1, |report| print_result(report, HOSTILE, HOSTILE, "made"));
    }
}
