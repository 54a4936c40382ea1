//! What S3 reports about an object version, and why a version cannot be read.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::types::ChecksumMode;
use lambda_support::Fault;
use lambda_support::aws::{ErrorClass, classify, fault, status, unquote_etag};
use sluice_types::{Checksum, ObjectAttributes, ObjectVersion, Timestamp};

/// Why a version could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// S3 returns 403 or 404: it does not exist, or reading it is not permitted. Only a listing shows which.
    NotAccessible(Fault),
    /// S3 permanently refuses its bytes, if it exists: it is archived, encrypted with a key of the uploader, or with a
    /// KMS key that is disabled or deleted.
    Refused {
        /// The call that failed.
        fault: Fault,
        /// S3's error code.
        code: String,
    },
    /// Reading it may succeed later.
    Fault(Fault),
}

impl ReadError {
    pub(crate) fn new<E>(call: &str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let fault = fault(call, error);
        match classify(error) {
            ErrorClass::NotFound | ErrorClass::Denied => Self::NotAccessible(fault),
            ErrorClass::Unreadable | ErrorClass::Invalid => Self::Refused {
                code: match (error.code(), status(error)) {
                    (Some(code), _) => code.to_owned(),
                    (None, Some(status)) => format!("HTTP {status}"),
                    (None, None) => fault.reason.clone(),
                },
                fault,
            },
            ErrorClass::PreconditionFailed
            | ErrorClass::Credentials
            | ErrorClass::Transient
            | ErrorClass::Unreachable => Self::Fault(fault),
        }
    }

    /// The call that failed.
    #[must_use]
    pub fn fault(self) -> Fault {
        match self {
            Self::NotAccessible(fault) | Self::Refused { fault, .. } | Self::Fault(fault) => fault,
        }
    }
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// `HeadObject` of exactly this version, with the checksums that S3 stores.
///
/// # Errors
/// When the version is not accessible or refused, or when the call fails.
pub async fn inspect(s3: &aws_sdk_s3::Client, version: &ObjectVersion) -> Result<ObjectAttributes, ReadError> {
    let ObjectVersion { bucket, key, version_id } = version;
    let request = s3.head_object().bucket(bucket).key(key).version_id(version_id).checksum_mode(ChecksumMode::Enabled);
    let head = match request.send().await {
        Ok(head) => head,
        Err(error) => return Err(head_error(s3, version, &error).await),
    };
    let size = head.content_length().and_then(|size| u64::try_from(size).ok());
    let last_modified = head.last_modified().and_then(|time| time.to_millis().ok());
    Ok(ObjectAttributes {
        size: size.ok_or_else(|| Fault::new("HeadObject", "the response has no size"))?,
        etag: head.e_tag().map(unquote_etag),
        last_modified: last_modified.and_then(|ms| u64::try_from(ms).ok()).map(Timestamp::from_millis),
        checksums: checksums(&head),
    })
}

/// Why a `HeadObject` failed. Its response has no body, so a 400 does not show whether the object or the request is the
/// cause. The response to a `GetObject` does.
async fn head_error(s3: &aws_sdk_s3::Client, version: &ObjectVersion, error: &SdkError<HeadObjectError>) -> ReadError {
    let head_error = ReadError::new("HeadObject", error);
    if status(error) != Some(400) {
        return head_error;
    }
    let ObjectVersion { bucket, key, version_id } = version;
    match s3.get_object().bucket(bucket).key(key).version_id(version_id).range("bytes=0-0").send().await {
        Ok(_) => ReadError::Fault(head_error.fault()),
        Err(error) => ReadError::new("GetObject", &error),
    }
}

/// The checksums in a `HeadObject` response, the preferred one first.
fn checksums(head: &HeadObjectOutput) -> Vec<Checksum> {
    let kind = head.checksum_type().map(|kind| kind.as_str().to_owned());
    let stored = [
        ("CRC64NVME", head.checksum_crc64_nvme()),
        ("CRC32", head.checksum_crc32()),
        ("CRC32C", head.checksum_crc32_c()),
        ("SHA256", head.checksum_sha256()),
        ("SHA1", head.checksum_sha1()),
        ("SHA512", head.checksum_sha512()),
        ("MD5", head.checksum_md5()),
        ("XXHASH64", head.checksum_xxhash64()),
        ("XXHASH3", head.checksum_xxhash3()),
        ("XXHASH128", head.checksum_xxhash128()),
    ];
    let checksum = |(algorithm, value): (&'static str, Option<&str>)| {
        Some(Checksum { algorithm, kind: kind.clone(), value: value?.to_owned() })
    };
    stored.into_iter().filter_map(checksum).collect()
}
