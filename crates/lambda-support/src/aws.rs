//! What all edges share: classifying errors of the AWS SDK, and finding a version in a listing.

use std::borrow::Cow;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::EncodingType;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sluice_types::{ListedVersion, ObjectAttributes, ObjectVersion, Timestamp};

use crate::batch::Fault;

/// Characters that [`copy_source`] escapes: all but the unreserved ones and the separator.
const COPY_SOURCE_ESCAPES: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// What a failed call means to its caller. It is determined by the SDK's types, AWS's error code and the HTTP status,
/// never by the text of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// 404, or a code that says the bucket, object, version, queue, table or key does not exist. Without permission to
    /// list, S3 answers with 403 instead, which is [`ErrorClass::Denied`].
    NotFound,
    /// 403: the caller has no permission. Whether the resource exists is unknown.
    Denied,
    /// 412, or a failed condition of a conditional write: another request was first.
    PreconditionFailed,
    /// The object exists and cannot be read: it is archived, or encrypted with a KMS key that is disabled or deleted.
    Unreadable,
    /// The request is rejected permanently: the same request fails again.
    Invalid,
    /// The credentials have expired or are not valid.
    Credentials,
    /// Throttling, a server error, a timeout or a broken connection: the same request may succeed later.
    Transient,
    /// No response: the connection, the name resolution or the TLS handshake failed.
    Unreachable,
}

/// Classifies a failed call. An unknown error is [`ErrorClass::Transient`].
pub fn classify<E, R>(error: &SdkError<E, R>) -> ErrorClass
where
    E: ProvideErrorMetadata,
    R: HttpStatus,
{
    match error {
        SdkError::ConstructionFailure(_) => ErrorClass::Invalid,
        SdkError::DispatchFailure(failure) if failure.is_user() => ErrorClass::Invalid,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => ErrorClass::Transient,
        SdkError::DispatchFailure(_) => ErrorClass::Unreachable,
        SdkError::ServiceError(response) => class_of_code(response.err().code(), response.raw().status_code()),
        _ => ErrorClass::Transient,
    }
}

/// A response with an HTTP status.
pub trait HttpStatus {
    /// The HTTP status code.
    fn status_code(&self) -> u16;
}

impl HttpStatus for HttpResponse {
    fn status_code(&self) -> u16 {
        self.status().as_u16()
    }
}

/// Error codes by class. Services of the query protocol prefix theirs, for example
/// `AWS.SimpleQueueService.NonExistentQueue`: a code is looked up in full, then from its last dot on.
const CODES: [(ErrorClass, &[&str]); 7] = [
    (
        ErrorClass::Unreadable,
        &["InvalidObjectState", "KMS.DisabledException", "KMS.KMSInvalidStateException", "KMS.NotFoundException"],
    ),
    (
        ErrorClass::Credentials,
        &[
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidToken",
            "RequestExpired",
            "RequestTimeTooSkewed",
            "SignatureDoesNotMatch",
            "TokenRefreshRequired",
            "UnrecognizedClientException",
        ],
    ),
    (
        ErrorClass::NotFound,
        &[
            "NoSuchBucket",
            "NoSuchKey",
            "NoSuchVersion",
            "NonExistentQueue",
            "NotFound",
            "NotFoundException",
            "QueueDoesNotExist",
            "ResourceNotFoundException",
        ],
    ),
    (ErrorClass::Denied, &["AccessDenied", "AccessDeniedException", "AuthorizationError"]),
    (ErrorClass::PreconditionFailed, &["ConditionalCheckFailedException", "PreconditionFailed"]),
    (
        ErrorClass::Transient,
        &[
            "ConditionalRequestConflict",
            "IncompleteBody",
            "InternalError",
            "LimitExceededException",
            "OperationAborted",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "RequestTimeout",
            "SlowDown",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
        ],
    ),
    (
        ErrorClass::Invalid,
        &[
            "EntityTooLarge",
            "InvalidArgument",
            "InvalidParameter",
            "InvalidParameterException",
            "InvalidParameterValue",
            "InvalidRequest",
            "InvalidURI",
            "ItemCollectionSizeLimitExceededException",
            "KeyTooLongError",
            "MethodNotAllowed",
            "SerializationException",
            "ValidationException",
        ],
    ),
];

fn class_of_code(code: Option<&str>, status: u16) -> ErrorClass {
    let code = code.unwrap_or_default();
    let unprefixed = code.rsplit('.').next().unwrap_or_default();
    let known = CODES.iter().find(|(_, codes)| codes.contains(&code) || codes.contains(&unprefixed));
    match (known, status) {
        (Some((class, _)), _) => *class,
        (None, 400) if code.is_empty() => ErrorClass::Invalid,
        (None, 403) => ErrorClass::Denied,
        (None, 404) => ErrorClass::NotFound,
        (None, 405) => ErrorClass::Invalid,
        (None, 412) => ErrorClass::PreconditionFailed,
        (None, _) => ErrorClass::Transient,
    }
}

/// AWS's code and message, if AWS rejects a request permanently. `None` for every other failure, and for a rejection
/// without an error code, which may come from a proxy.
#[must_use]
pub fn refusal<E, R>(error: &SdkError<E, R>) -> Option<String>
where
    E: ProvideErrorMetadata,
    R: HttpStatus,
{
    let SdkError::ServiceError(response) = error else {
        return None;
    };
    let code = response.err().code()?;
    (classify(error) == ErrorClass::Invalid).then(|| match response.err().message() {
        Some(message) => format!("{code}: {message}"),
        None => code.to_owned(),
    })
}

/// Whether S3 reports that an object or a version does not exist, in a bucket that does.
#[must_use]
pub fn is_object_not_found<E>(error: &SdkError<E>) -> bool
where
    E: ProvideErrorMetadata,
{
    let code = error.as_service_error().and_then(|e| e.code());
    classify(error) == ErrorClass::NotFound && code != Some("NoSuchBucket")
}

/// What prevents reading an existing version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Obstacle {
    /// It is in an archive storage class and has not been restored.
    Archived,
    /// Its KMS key is disabled, pending deletion or deleted.
    KmsKey,
    /// It is encrypted with a key that only the uploader has (SSE-C).
    CustomerKey,
}

/// The obstacle that a failed `GetObject` of a version indicates. [`Obstacle::CustomerKey`] is not certain, because S3
/// returns `InvalidRequest` for other reasons too: it is confirmed if a `HeadObject` of the version, which needs the same
/// key, fails as [`ErrorClass::Invalid`].
#[must_use]
pub fn obstacle<E>(error: &SdkError<E>) -> Option<Obstacle>
where
    E: ProvideErrorMetadata,
{
    let code = error.as_service_error().and_then(|e| e.code());
    match (classify(error), code) {
        (ErrorClass::Unreadable, Some("InvalidObjectState")) => Some(Obstacle::Archived),
        (ErrorClass::Unreadable, _) => Some(Obstacle::KmsKey),
        (ErrorClass::Invalid, Some("InvalidRequest")) => Some(Obstacle::CustomerKey),
        _ => None,
    }
}

/// Decodes a key of a listing, which is URL-encoded if `encoding` says so. Every listing requests `encoding-type=url`,
/// because XML cannot represent every character that a key may contain.
///
/// # Errors
/// When the decoded key is not UTF-8.
pub fn listed_key(listed: &str, encoding: Option<&EncodingType>) -> Result<String, Fault> {
    if encoding != Some(&EncodingType::Url) {
        return Ok(listed.to_owned());
    }
    let with_spaces = listed.replace('+', " ");
    let decoded = percent_decode_str(&with_spaces).decode_utf8();
    decoded.map(Cow::into_owned).map_err(|e| Fault::new("listing", e.to_string()))
}

/// The fault of a failed call, with AWS's error code.
pub fn fault<E>(call: &str, error: &SdkError<E>) -> Fault
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let reason = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => match status(error) {
            Some(403) => "AccessDenied (403 without a body)".to_owned(),
            Some(status) => format!("HTTP {status} without a body"),
            None => DisplayErrorContext(error).to_string(),
        },
    };
    Fault::new(call, reason)
}

/// The fault of a response body that could not be read completely.
pub fn incomplete_body(call: &str, error: &dyn std::error::Error) -> Fault {
    Fault::new(call, format!("the response ended early: {error}"))
}

/// The HTTP status of a failed call, if there was a response.
pub fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|r| r.status().as_u16())
}

/// An ETag without its quotes.
#[must_use]
pub fn unquote_etag(etag: &str) -> String {
    etag.trim_matches('"').to_owned()
}

/// `ListObjectVersions` of one key: the first version, newest first, that is `wanted`. Delete markers are passed over.
///
/// # Errors
/// When the listing fails.
pub async fn find_version(
    s3: &aws_sdk_s3::Client,
    bucket: &str,
    key: &str,
    wanted: impl Fn(&ListedVersion) -> bool,
) -> Result<Option<ListedVersion>, Fault> {
    let (mut key_marker, mut version_id_marker) = (None, None);
    loop {
        let request = s3
            .list_object_versions()
            .bucket(bucket)
            .prefix(key)
            .encoding_type(EncodingType::Url)
            .set_key_marker(key_marker)
            .set_version_id_marker(version_id_marker);
        let page = request.send().await.map_err(|e| fault("ListObjectVersions", &e))?;
        let encoding = page.encoding_type();
        let is_key =
            |listed: Option<&str>| listed.is_some_and(|listed| listed_key(listed, encoding).is_ok_and(|k| k == key));
        for version in page.versions().iter().filter(|version| is_key(version.key())) {
            let listed = listed_version(bucket, key, version)?;
            if !listed.version.version_id.is_empty() && wanted(&listed) {
                return Ok(Some(listed));
            }
        }
        // The key itself sorts before every longer key that starts with it.
        let more = page.is_truncated() == Some(true) && is_key(page.next_key_marker());
        if !more {
            return Ok(None);
        }
        key_marker = Some(key.to_owned());
        version_id_marker = page.next_version_id_marker.clone();
    }
}

fn listed_version(bucket: &str, key: &str, listed: &aws_sdk_s3::types::ObjectVersion) -> Result<ListedVersion, Fault> {
    let size = listed.size().and_then(|size| u64::try_from(size).ok());
    let last_modified = listed.last_modified().and_then(|at| at.to_millis().ok());
    Ok(ListedVersion {
        version: ObjectVersion {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            version_id: listed.version_id().unwrap_or_default().to_owned(),
        },
        attributes: ObjectAttributes {
            size: size.ok_or_else(|| Fault::new("ListObjectVersions", "the listing has no size"))?,
            etag: listed.e_tag().map(unquote_etag),
            last_modified: last_modified.and_then(|ms| u64::try_from(ms).ok()).map(Timestamp::from_millis),
            checksums: Vec::new(),
        },
        is_latest: listed.is_latest() == Some(true),
        is_delete_marker: false,
    })
}

/// The value of `CopySource`: `{bucket}/{key}`, with `?versionId=` if a version is named, percent-encoded.
#[must_use]
pub fn copy_source(bucket: &str, key: &str, version_id: Option<&str>) -> String {
    let escape = |text| utf8_percent_encode(text, COPY_SOURCE_ESCAPES);
    match version_id {
        Some(version_id) => format!("{}/{}?versionId={}", escape(bucket), escape(key), escape(version_id)),
        None => format!("{}/{}", escape(bucket), escape(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_take_precedence_over_statuses_and_unknown_errors_are_transient() {
        for (code, status, class) in [
            (Some("NoSuchKey"), 404, ErrorClass::NotFound),
            (None, 404, ErrorClass::NotFound),
            (None, 403, ErrorClass::Denied),
            (Some("AccessDenied"), 403, ErrorClass::Denied),
            (Some("RequestTimeTooSkewed"), 403, ErrorClass::Credentials),
            (Some("InvalidObjectState"), 403, ErrorClass::Unreadable),
            (Some("KMS.DisabledException"), 400, ErrorClass::Unreadable),
            (Some("KMS.ThrottlingException"), 400, ErrorClass::Transient),
            (Some("AWS.SimpleQueueService.NonExistentQueue"), 400, ErrorClass::NotFound),
            (Some("PreconditionFailed"), 412, ErrorClass::PreconditionFailed),
            (Some("ConditionalRequestConflict"), 409, ErrorClass::Transient),
            (Some("ValidationException"), 400, ErrorClass::Invalid),
            (Some("RequestTimeout"), 400, ErrorClass::Transient),
            (Some("SomethingNew"), 400, ErrorClass::Transient),
            (Some("SlowDown"), 503, ErrorClass::Transient),
            (None, 500, ErrorClass::Transient),
        ] {
            assert_eq!(class_of_code(code, status), class, "{code:?} {status}");
        }
    }

    #[test]
    fn a_copy_source_escapes_all_but_unreserved_characters_and_slashes() {
        assert_eq!(copy_source("b", "a b/ü?+.json", Some("v/1")), "b/a%20b/%C3%BC%3F%2B.json?versionId=v/1");
        assert_eq!(copy_source("b", "a-_.~", None), "b/a-_.~");
    }

    #[test]
    fn listed_keys_are_decoded_only_if_they_are_encoded() {
        let url = Some(&EncodingType::Url);
        let key = |listed: &str, encoding| listed_key(listed, encoding).ok();
        assert_eq!(key("a+b%2Bc%01%EF%BF%BF/x", url).as_deref(), Some("a b+c\u{1}\u{ffff}/x"));
        assert_eq!(key("a+b%2B", None).as_deref(), Some("a+b%2B"));
        assert_eq!(key("%FF", url), None);
    }
}
