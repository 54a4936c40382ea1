//! An object version, and what S3 says of it.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::types::ChecksumMode;
use lambda_support::Fault;
use lambda_support::aws::{ErrorClass, classify, fault, status, unquote_etag};
use sluice_types::{Checksum, ObjectAttributes, ObjectVersion, Timestamp};

/// Why a version could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// S3 says 403 or 404: it is not there or not for us. Which of the two, only a listing tells.
    Absent(Fault),
    /// S3 refuses its bytes for good, if it is there: it is archived, encrypted with a key of its uploader, or with a
    /// KMS key that is disabled or gone.
    Refused {
        /// The call that failed.
        fault: Fault,
        /// The error code of S3.
        reason: String,
    },
    /// It may succeed later.
    Fault(Fault),
}

impl Unread {
    pub(crate) fn of<E>(call: &str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let fault = fault(call, error);
        match classify(error) {
            ErrorClass::NotFound | ErrorClass::Denied => Self::Absent(fault),
            ErrorClass::Unreadable | ErrorClass::Invalid => Self::Refused {
                reason: match (error.code(), status(error)) {
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
            Self::Absent(fault) | Self::Refused { fault, .. } | Self::Fault(fault) => fault,
        }
    }
}

impl From<Fault> for Unread {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// `HeadObject` of exactly this version, with the checksum that S3 keeps.
///
/// # Errors
/// When it is absent or refused, or the call fails.
pub async fn inspect(s3: &aws_sdk_s3::Client, version: &ObjectVersion) -> Result<ObjectAttributes, Unread> {
    let request = s3.head_object().bucket(&version.bucket).key(&version.key);
    let request = request.version_id(&version.version_id);
    let head = match request.checksum_mode(ChecksumMode::Enabled).send().await {
        Ok(head) => head,
        Err(error) => return Err(refusal(s3, version, &error).await),
    };
    let size = head.content_length().and_then(|s| u64::try_from(s).ok());
    let made = head.last_modified().and_then(|t| t.to_millis().ok());
    Ok(ObjectAttributes {
        size: size.ok_or_else(|| Fault::new("HeadObject", "S3 does not say the size"))?,
        etag: head.e_tag().map(unquote_etag),
        last_modified: made.and_then(|ms| u64::try_from(ms).ok()).map(Timestamp::from_millis),
        checksums: checksums(&head),
    })
}

/// Why a head failed. Its answer has no body, so a 400 does not say whether the object or the caller is at fault; the
/// answer to a read does.
async fn refusal(s3: &aws_sdk_s3::Client, version: &ObjectVersion, error: &SdkError<HeadObjectError>) -> Unread {
    let unread = Unread::of("HeadObject", error);
    if status(error) != Some(400) {
        return unread;
    }
    let request = s3.get_object().bucket(&version.bucket).key(&version.key);
    let request = request.version_id(&version.version_id).range("bytes=0-0");
    match request.send().await {
        Ok(_) => Unread::Fault(unread.fault()),
        Err(error) => Unread::of("GetObject", &error),
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
    let stored = stored.into_iter().filter_map(|(algorithm, value)| Some((algorithm, value?)));
    stored.map(|(algorithm, value)| Checksum { algorithm, kind: kind.clone(), value: value.to_owned() }).collect()
}
