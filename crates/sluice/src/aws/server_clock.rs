//! Compares this machine's clock with AWS's.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::types::EncodingType;
use jiff::fmt::rfc2822;

use crate::aws::errors::explain;
use crate::time::{now, rfc3339};

/// How far the two clocks may differ, in seconds.
const MAX_SKEW: i64 = 30;

/// Checks this machine's clock against the `Date` header of a listing of one key.
///
/// # Errors
/// If the clocks differ, or the bucket cannot be listed.
pub(crate) async fn check(s3: &Client, bucket: &str, prefix: &str) -> anyhow::Result<()> {
    let server_date = ServerDate::default();
    let request = s3.list_objects_v2().bucket(bucket).prefix(prefix).encoding_type(EncodingType::Url).max_keys(1);
    let answer = request.customize().interceptor(server_date.clone()).send().await;
    answer.map_err(|e| explain(format!("list bucket `{bucket}`"), &e))?;
    server_date.check()
}

/// Compares a `Date` header with `local`, in seconds since 1970.
fn compare(header: Option<&str>, local: i64) -> anyhow::Result<()> {
    let header = header.context("the answer of AWS has no `Date` header")?;
    let date = rfc2822::parse(header).with_context(|| format!("`{header}` is not a valid `Date` header"))?;
    let server = date.timestamp().as_second();
    if (server - local).abs() > MAX_SKEW {
        bail!(
            "the clock of this machine says {}, that of AWS {}: set the clock, because records carry its time",
            rfc3339(local),
            rfc3339(server)
        );
    }
    Ok(())
}

/// An interceptor that keeps the `Date` header of the last answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerDate(Arc<Mutex<Option<String>>>);

impl ServerDate {
    /// Checks this machine's clock against the last answer.
    ///
    /// # Errors
    /// If they differ, or the answer had no date.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let header = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        compare(header.as_deref(), now())
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
    fn clocks_may_differ_by_half_a_minute() {
        let header = Some("Fri, 02 Jan 1970 00:00:00 GMT");
        for here in [86_400, 86_430, 86_370] {
            assert!(compare(header, here).is_ok(), "{here}");
        }
        let error = compare(header, 86_431).unwrap_err().to_string();
        assert!(error.contains("1970-01-02T00:00:31Z") && error.contains("set the clock"), "{error}");
        assert!(compare(None, 0).is_err() && compare(Some("now"), 0).is_err());
    }
}
