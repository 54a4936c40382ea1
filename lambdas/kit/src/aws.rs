//! What edges share: errors as faults, and the look that tells a version that is gone from one that is denied.

use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use crate::Fault;

/// A call that failed, with AWS's code.
pub fn fault<E>(call: &str, error: &SdkError<E>) -> Fault
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let why = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => match status(error) {
            Some(403) => "AccessDenied (403 without a body)".to_owned(),
            _ => DisplayErrorContext(error).to_string(),
        },
    };
    Fault::new(call, why)
}

/// A body that could not be read to its end.
pub fn torn(call: &str, error: &dyn std::error::Error) -> Fault {
    Fault::new(call, format!("the answer broke off: {error}"))
}

/// The HTTP status of a failed call, if there was an answer.
pub fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|r| r.status().as_u16())
}

/// An ETag without its quotes.
#[must_use]
pub fn unquoted(etag: &str) -> String {
    etag.trim_matches('"').to_owned()
}

/// A version that was found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Found {
    /// Its version-id.
    pub version_id: String,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its ETag without quotes.
    pub etag: Option<String>,
}

/// `ListObjectVersions` of one key: the first version, newest first, that is `wanted`; delete markers are none.
///
/// # Errors
/// When the listing fails.
pub async fn find_version(
    s3: &aws_sdk_s3::Client,
    bucket: &str,
    key: &str,
    wanted: impl Fn(&Found, bool) -> bool,
) -> Result<Option<Found>, Fault> {
    let (mut after_key, mut after_version) = (None, None);
    loop {
        let request = s3.list_object_versions().bucket(bucket).prefix(key);
        let request = request.set_key_marker(after_key);
        let request = request.set_version_id_marker(after_version);
        let page = request.send().await;
        let page = page.map_err(|e| fault("ListObjectVersions", &e))?;
        for version in page.versions().iter().filter(|v| v.key() == Some(key)) {
            let found = Found {
                version_id: version.version_id().unwrap_or_default().to_owned(),
                size: version.size().and_then(|s| s.try_into().ok()),
                etag: version.e_tag().map(unquoted),
            };
            let latest = version.is_latest() == Some(true);
            if !found.version_id.is_empty() && wanted(&found, latest) {
                return Ok(Some(found));
            }
        }
        // The key itself sorts before every longer key with the same beginning.
        let more = page.is_truncated() == Some(true) && page.next_key_marker() == Some(key);
        if !more {
            return Ok(None);
        }
        after_key = page.next_key_marker.clone();
        after_version = page.next_version_id_marker.clone();
    }
}
