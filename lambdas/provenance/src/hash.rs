//! Computes the SHA-256 of a version's bytes in bounded memory.
//!
//! Parts of the version are fetched ahead of hashing, each into a buffer of the [`Reader`] that all reads of the process
//! share. So memory is bounded by its buffers, however many and however large the versions are.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::config::{Builder, ResponseChecksumValidation, StalledStreamProtectionConfig};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use lambda_support::Fault;
use lambda_support::aws::{incomplete_body, unquote_etag};
use sluice_types::{ObjectAttributes, ObjectVersion};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::checksum::VerifyingHasher;
use crate::inspect::ReadError;

/// The operation in the faults of this module.
const CALL: &str = "GetObject";

/// The buffers that versions are read into: how many there are, and how large.
pub struct Reader {
    part_size: u64,
    stall_timeout: Duration,
    permits: Arc<Semaphore>,
    unused: Mutex<Vec<Vec<u8>>>,
}

impl Reader {
    /// Six buffers of 4 MiB: enough to hide the latency of S3, in 24 MiB of memory. A response body that stalls for 30
    /// seconds is abandoned.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Self::with(6, 4 << 20, Duration::from_secs(30))
    }

    /// `buffers` buffers of `part_size` bytes. A response body that stalls for `stall_timeout` is abandoned.
    #[must_use]
    pub fn with(buffers: usize, part_size: u64, stall_timeout: Duration) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(buffers));
        Arc::new(Self { part_size, stall_timeout, permits, unused: Mutex::default() })
    }

    /// Waits for a buffer. Waiting callers take precedence over [`Reader::try_buffer`].
    async fn buffer(self: &Arc<Self>) -> Result<Buffer, Fault> {
        let acquired = Arc::clone(&self.permits).acquire_owned().await;
        Ok(self.buffer_for(acquired.map_err(|e| Fault::new(CALL, e.to_string()))?))
    }

    /// A buffer, if one is free and no caller waits for it.
    fn try_buffer(self: &Arc<Self>) -> Option<Buffer> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        Some(self.buffer_for(permit))
    }

    fn buffer_for(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Buffer {
        let mut unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
        Buffer { bytes: unused.pop().unwrap_or_default(), reader: Arc::clone(self), _permit: permit }
    }
}

/// The memory for one part; returned to the reader when dropped. The bytes of a response are copied into it: keeping them
/// as the HTTP client returns them would keep much larger blocks alive and take longer than the copy.
struct Buffer {
    bytes: Vec<u8>,
    reader: Arc<Reader>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut unused = self.reader.unused.lock().unwrap_or_else(PoisonError::into_inner);
        unused.push(std::mem::take(&mut self.bytes));
    }
}

/// The SHA-256 of exactly this version, hexadecimal. `attributes` are what S3 reported about it; `progress` is called
/// with the number of bytes of each step.
///
/// # Errors
/// When the version is not accessible or refused, or when its bytes could not be read completely, are more or fewer than
/// S3 reported, or do not match the checksum that S3 stores of the whole object.
pub async fn hash(
    s3: &aws_sdk_s3::Client,
    version: &ObjectVersion,
    attributes: &ObjectAttributes,
    reader: &Arc<Reader>,
    progress: impl Fn(u64),
) -> Result<String, ReadError> {
    let mut hasher = VerifyingHasher::new(attributes.checksums.first());
    let mut add = |bytes: &[u8]| {
        hasher.update(bytes);
        progress(bytes.len() as u64);
    };
    let source = Arc::new(VersionReader {
        s3: s3.clone(),
        version: version.clone(),
        size: attributes.size,
        etag: attributes.etag.clone(),
        reader: Arc::clone(reader),
    });
    if attributes.size <= reader.part_size {
        let response = source.get(None).await?;
        source.drain(response.body, attributes.size, &mut add).await?;
    } else {
        source.read_parts(&mut add).await?;
    }
    Ok(hasher.finish()?)
}

/// Reads one version.
struct VersionReader {
    s3: aws_sdk_s3::Client,
    version: ObjectVersion,
    size: u64,
    etag: Option<String>,
    reader: Arc<Reader>,
}

/// The response to a request for a part.
enum PartResponse {
    Part(Buffer),
    /// The whole object: the server does not support ranges, or not of a named version.
    Whole(Box<GetObjectOutput>),
}

impl VersionReader {
    /// Reads all parts in order. The first one is awaited alone: it shows whether the server supports ranges.
    async fn read_parts(self: &Arc<Self>, add: &mut impl FnMut(&[u8])) -> Result<(), ReadError> {
        match self.part(0, self.reader.buffer().await?).await? {
            PartResponse::Whole(response) => {
                self.drain(response.body, self.size, add).await?;
                return Ok(());
            }
            PartResponse::Part(first) => add(&first.bytes),
        }
        let part_count = self.size.div_ceil(self.reader.part_size);
        let mut next_part = 1;
        let mut fetches = VecDeque::new();
        loop {
            while next_part < part_count {
                let buffer = match self.reader.try_buffer() {
                    Some(buffer) => buffer,
                    // Only a read without fetches waits for a buffer, so reads cannot block each other.
                    None if fetches.is_empty() => self.reader.buffer().await?,
                    None => break,
                };
                fetches.push_back(Fetch::start(self, next_part, buffer));
                next_part += 1;
            }
            let Some(fetch) = fetches.pop_front() else {
                return Ok(());
            };
            add(&fetch.finish().await?.bytes);
        }
    }

    /// Reads one part into `buffer`, with a second attempt if its body ends early.
    async fn part(&self, number: u64, mut buffer: Buffer) -> Result<PartResponse, ReadError> {
        let from = number * self.reader.part_size;
        let to = self.size.min(from + self.reader.part_size);
        let mut retry = true;
        loop {
            let response = self.get(Some((from, to))).await?;
            let requested = format!("bytes {from}-{}/{}", to - 1, self.size);
            match response.content_range() {
                None => return Ok(PartResponse::Whole(Box::new(response))),
                Some(returned) if returned == requested => {}
                Some(returned) => {
                    let reason = format!("the request was for `{requested}`, the response has `{returned}`");
                    return Err(Fault::new(CALL, reason).into());
                }
            }
            buffer.bytes.clear();
            buffer.bytes.reserve_exact(usize::try_from(self.reader.part_size).unwrap_or_default());
            let append = &mut |bytes: &[u8]| buffer.bytes.extend_from_slice(bytes);
            match self.drain(response.body, to - from, append).await {
                Ok(()) => return Ok(PartResponse::Part(buffer)),
                Err(_) if retry => retry = false,
                Err(fault) => return Err(fault.into()),
            }
        }
    }

    /// `GetObject` of the version, or of its bytes from the first number up to, excluding, the second. The SDK does not
    /// validate checksums here because [`VerifyingHasher`] does.
    async fn get(&self, range: Option<(u64, u64)>) -> Result<GetObjectOutput, ReadError> {
        let config = Builder::new()
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        let ObjectVersion { bucket, key, version_id } = &self.version;
        let range = range.map(|(from, to)| format!("bytes={from}-{}", to - 1));
        let request = self.s3.get_object().bucket(bucket).key(key).version_id(version_id).set_range(range);
        let sent = request.customize().config_override(config).send().await;
        let response = sent.map_err(|e| ReadError::new(CALL, &e))?;
        let etag = response.e_tag().map(unquote_etag);
        if etag.is_some() && self.etag.is_some() && etag != self.etag {
            return Err(Fault::new(CALL, "the response has the ETag of another version").into());
        }
        Ok(response)
    }

    /// Reads a response body completely; it must have `expected` bytes.
    async fn drain(&self, mut body: ByteStream, expected: u64, take: &mut impl FnMut(&[u8])) -> Result<(), Fault> {
        let mut read = 0;
        loop {
            let Ok(received) = timeout(self.reader.stall_timeout, body.try_next()).await else {
                return Err(Fault::new(CALL, "the response body stalled"));
            };
            let chunk = received.map_err(|e| incomplete_body(CALL, &e))?;
            if let Some(bytes) = &chunk {
                read += bytes.len() as u64;
            }
            match chunk {
                Some(bytes) if read <= expected => take(&bytes),
                None if read == expected => return Ok(()),
                _ => {
                    let reason = format!("the response body has {read} bytes; S3 reported {expected}");
                    return Err(Fault::new(CALL, reason));
                }
            }
        }
    }
}

/// A part that is being fetched; cancelled when dropped.
struct Fetch(JoinHandle<Result<PartResponse, ReadError>>);

impl Fetch {
    fn start(reader: &Arc<VersionReader>, number: u64, buffer: Buffer) -> Self {
        let reader = Arc::clone(reader);
        Self(tokio::spawn(async move { reader.part(number, buffer).await }))
    }

    async fn finish(mut self) -> Result<Buffer, ReadError> {
        match (&mut self.0).await {
            Ok(Ok(PartResponse::Part(buffer))) => Ok(buffer),
            Ok(Ok(PartResponse::Whole(_))) => {
                Err(Fault::new(CALL, "the response to a range is the whole object").into())
            }
            Ok(Err(error)) => Err(error),
            Err(error) => Err(Fault::new(CALL, error.to_string()).into()),
        }
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
