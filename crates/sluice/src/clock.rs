//! This machine's clock against S3's.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::EncodingType;

use crate::aws::explain;
use crate::time::{now, rfc3339};

/// How far the clocks may be apart, in seconds.
const APART: i64 = 30;

/// Sees that this machine's clock agrees with S3's, by listing one key of a bucket.
///
/// # Errors
/// When it does not, or S3 does not answer.
pub async fn agree(s3: &Client, bucket: &str, prefix: &str) -> anyhow::Result<()> {
    let date = ServerDate::default();
    let request = s3.list_objects_v2().bucket(bucket).prefix(prefix).encoding_type(EncodingType::Url).max_keys(1);
    let answer = request.customize().interceptor(date.clone()).send().await;
    answer.map_err(|e| explain(format!("list bucket `{bucket}`"), &e))?;
    date.agrees()
}

fn compare(said: Option<&str>, here: i64) -> anyhow::Result<()> {
    let said = said.context("S3 does not say what time it is")?;
    let there = DateTime::from_str(said, DateTimeFormat::HttpDate);
    let there = there.with_context(|| format!("S3 says it is `{said}`"))?.secs();
    if (there - here).abs() > APART {
        bail!(
            "this machine says it is {}, S3 says {}: set the clock, because receipts are dated by it",
            rfc3339(here),
            rfc3339(there)
        );
    }
    Ok(())
}

/// Keeps the `Date` of an answer.
#[derive(Debug, Clone, Default)]
pub struct ServerDate(Arc<Mutex<Option<String>>>);

impl ServerDate {
    /// Sees that this machine's clock agrees with the answer that came last.
    ///
    /// # Errors
    /// When it does not, or the answer had no date.
    pub fn agrees(&self) -> anyhow::Result<()> {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        compare(said.as_deref(), now())
    }
}

impl Intercept for ServerDate {
    fn name(&self) -> &'static str {
        "ServerDate"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").map(str::to_owned);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_be_half_a_minute_apart() {
        let said = Some("Fri, 02 Jan 1970 00:00:00 GMT");
        for here in [86_400, 86_430, 86_370] {
            assert!(compare(said, here).is_ok(), "{here}");
        }
        let error = compare(said, 86_431).unwrap_err().to_string();
        assert!(error.contains("1970-01-02T00:00:31Z") && error.contains("set the clock"), "{error}");
        assert!(compare(None, 0).is_err() && compare(Some("now"), 0).is_err());
    }
}
