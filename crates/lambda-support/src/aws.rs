//! What edges share: errors as faults, and the look that tells a version that is gone from one that is denied.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::EncodingType;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sluice_types::{ListedVersion, ObjectAttributes, ObjectVersion, Timestamp};

use crate::Fault;

/// Characters that [`copy_source`] escapes: all but the unreserved ones and the separator.
const COPY_SOURCE_ESCAPES: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// What a failed call means for whoever made it, told by the SDK's types, AWS's error code and the HTTP status, never
/// by the words of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// 404, or a code that says the bucket, object, version, queue, table or key does not exist. A caller who may not
    /// list gets [`ErrorClass::Denied`] instead.
    NotFound,
    /// 403. The caller may not, which says nothing about whether the thing exists.
    Denied,
    /// 412, or a condition on an item that failed: another request was first.
    PreconditionFailed,
    /// The object is there and cannot be read as it is: archived, encrypted with a key of its uploader, or with a KMS
    /// key that is disabled or gone.
    Unreadable,
    /// The request is refused for good: the same request fails again.
    Invalid,
    /// The credentials are expired or not known.
    Credentials,
    /// Throttling, a server error, a timeout or a broken connection: the same request may succeed later.
    Transient,
    /// Nothing answered: no connection, no name, no trusted certificate.
    Unreachable,
}

/// Classifies a failed call. What is not known is [`ErrorClass::Transient`].
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
        SdkError::ServiceError(answer) => by_code(answer.err().code(), answer.raw().status_code()),
        _ => ErrorClass::Transient,
    }
}

/// An answer that has an HTTP status.
pub trait HttpStatus {
    /// The status.
    fn status_code(&self) -> u16;
}

impl HttpStatus for HttpResponse {
    fn status_code(&self) -> u16 {
        self.status().as_u16()
    }
}

/// Error codes by class. Services of the query protocol prefix theirs, for example
/// `AWS.SimpleQueueService.NonExistentQueue`: a code is looked up whole, then without what stands before its last dot.
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

fn by_code(code: Option<&str>, status: u16) -> ErrorClass {
    let whole = code.unwrap_or_default();
    let last = whole.rsplit('.').next().unwrap_or_default();
    let listed = CODES.iter().find(|(_, codes)| codes.contains(&whole) || codes.contains(&last));
    match (listed, status) {
        (Some((class, _)), _) => *class,
        (None, 400) if whole.is_empty() => ErrorClass::Invalid,
        (None, 403) => ErrorClass::Denied,
        (None, 404) => ErrorClass::NotFound,
        (None, 405) => ErrorClass::Invalid,
        (None, 412) => ErrorClass::PreconditionFailed,
        (None, _) => ErrorClass::Transient,
    }
}

/// Why AWS refuses a request for good, in AWS's words. `None` for every other failure, and for a refusal without an error
/// code: that may come from something between here and AWS.
#[must_use]
pub fn refusal<E, R>(error: &SdkError<E, R>) -> Option<String>
where
    E: ProvideErrorMetadata,
    R: HttpStatus,
{
    let SdkError::ServiceError(answer) = error else {
        return None;
    };
    let code = answer.err().code()?;
    (classify(error) == ErrorClass::Invalid).then(|| match answer.err().message() {
        Some(message) => format!("{code}: {message}"),
        None => code.to_owned(),
    })
}

/// Whether S3 says that an object, a version or a key is not there, in a bucket that is.
#[must_use]
pub fn is_absent<E>(error: &SdkError<E>) -> bool
where
    E: ProvideErrorMetadata,
{
    let code = error.as_service_error().and_then(|e| e.code());
    classify(error) == ErrorClass::NotFound && code != Some("NoSuchBucket")
}

/// What keeps a version that is there from being read as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Obstacle {
    /// It is in an archive storage class and not restored.
    Archived,
    /// Its KMS key is disabled, pending deletion or gone.
    KmsKey,
    /// It is encrypted with a key that only its uploader has (SSE-C).
    CustomerKey,
}

/// The obstacle that a failed `GetObject` of a version names. [`Obstacle::CustomerKey`] is only a suspicion, since S3's
/// `InvalidRequest` means other things too: it is one if a `HeadObject` of the version, which needs the same key, is
/// refused as [`ErrorClass::Invalid`].
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

/// A key as a listing has it: URL-encoded where `encoding` says so. Every listing asks for
/// `encoding-type=url`, because XML cannot carry every character that a key may have.
///
/// # Errors
/// When what is encoded is not UTF-8.
pub fn listed_key(listed: &str, encoding: Option<&EncodingType>) -> Result<String, Fault> {
    if encoding != Some(&EncodingType::Url) {
        return Ok(listed.to_owned());
    }
    let spaced = listed.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    let decoded = decoded.map_err(|e| Fault::new("listing", e.to_string()))?;
    Ok(decoded.into_owned())
}

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
            Some(status) => format!("HTTP {status} without a body"),
            None => DisplayErrorContext(error).to_string(),
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
            etag: listed.e_tag().map(unquoted),
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
    let path = format!("{bucket}/{key}");
    let path = utf8_percent_encode(&path, COPY_SOURCE_ESCAPES);
    match version_id {
        Some(version_id) => format!("{path}?versionId={}", utf8_percent_encode(version_id, COPY_SOURCE_ESCAPES)),
        None => path.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_says_more_than_a_status_and_the_unknown_may_pass() {
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
            assert_eq!(by_code(code, status), class, "{code:?} {status}");
        }
    }

    #[test]
    fn a_copy_source_escapes_all_but_unreserved_characters_and_slashes() {
        assert_eq!(copy_source("b", "a b/ü?+.json", Some("v/1")), "b/a%20b/%C3%BC%3F%2B.json?versionId=v/1");
        assert_eq!(copy_source("b", "a-_.~", None), "b/a-_.~");
    }

    #[test]
    fn listed_keys_are_decoded_only_where_they_are_encoded() {
        let url = Some(&EncodingType::Url);
        let key = |listed: &str, encoding| listed_key(listed, encoding).ok();
        assert_eq!(key("a+b%2Bc%01%EF%BF%BF/x", url).as_deref(), Some("a b+c\u{1}\u{ffff}/x"));
        assert_eq!(key("a+b%2B", None).as_deref(), Some("a+b%2B"));
        assert_eq!(key("%FF", url), None);
    }
}
