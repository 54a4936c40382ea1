//! The SHA-256 of one version's bytes, in bounded memory.
//!
//! Parts of the version are fetched ahead of the hash, each into a buffer of the [`Reader`], which all readings of
//! this process share: however many and however large the versions, they hold no more than its buffers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::config::{Builder, ResponseChecksumValidation, StalledStreamProtectionConfig};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use lambda_support::Fault;
use lambda_support::aws::incomplete_body;
use sluice_types::{ObjectAttributes, ObjectVersion};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::sum::Sum;
use crate::version::Unread;

const CALL: &str = "GetObject";

/// How versions are read: in parts of what size, and how many at a time.
pub struct Reader {
    part: u64,
    stall: Duration,
    permits: Arc<Semaphore>,
    spare: Mutex<Vec<Vec<u8>>>,
}

impl Reader {
    /// Six parts of 4 MiB: enough on their way to hide S3's latency, 24 MiB in all. A body that brings nothing for
    /// half a minute is given up.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Self::with(6, 4 << 20, Duration::from_secs(30))
    }

    /// At most `parts` parts of `part` bytes; a body that brings nothing for `stall` is given up.
    #[must_use]
    pub fn with(parts: usize, part: u64, stall: Duration) -> Arc<Self> {
        Arc::new(Self { part, stall, permits: Arc::new(Semaphore::new(parts)), spare: Mutex::default() })
    }

    /// A buffer; waits until there is one. Whoever waits is served before anybody takes one by [`Reader::spare`].
    async fn buffer(self: &Arc<Self>) -> Result<Buffer, Fault> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|e| Fault::new(CALL, e.to_string()))?;
        Ok(self.filled_by(permit))
    }

    /// A buffer that nobody waits for, if there is one.
    fn spare(self: &Arc<Self>) -> Option<Buffer> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        Some(self.filled_by(permit))
    }

    fn filled_by(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Buffer {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        Buffer { bytes: spare.pop().unwrap_or_default(), reader: Arc::clone(self), _permit: permit }
    }
}

/// Room for one part; given back when dropped. Bytes are copied into it: kept as the connection hands them out, they
/// hold on to much larger blocks, and cost more time than the copy.
struct Buffer {
    bytes: Vec<u8>,
    reader: Arc<Reader>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let spare = self.reader.spare.lock();
        let mut spare = spare.unwrap_or_else(PoisonError::into_inner);
        spare.push(std::mem::take(&mut self.bytes));
    }
}

/// Hashes exactly this version, whose `facts` S3 told before; `progress` is told the bytes of each step. Returns the
/// SHA-256, hexadecimal.
///
/// # Errors
/// When the version is absent, or its bytes could not be read to the end, are not as many as S3 said, or do not have
/// the checksum that S3 keeps of the whole object.
pub async fn hash(
    s3: &aws_sdk_s3::Client,
    version: &ObjectVersion,
    facts: &ObjectAttributes,
    reader: &Arc<Reader>,
    progress: impl Fn(u64),
) -> Result<String, Unread> {
    let mut sum = Sum::new(facts.checksums.first());
    let mut add = |bytes: &[u8]| {
        sum.add(bytes);
        progress(bytes.len() as u64);
    };
    let source = Arc::new(Source {
        s3: s3.clone(),
        version: version.clone(),
        size: facts.size,
        etag: facts.etag.clone(),
        reader: Arc::clone(reader),
    });
    if facts.size <= reader.part {
        let answer = source.get(None).await?;
        source.drain(answer.body, facts.size, &mut add).await?;
    } else {
        source.parts(&mut add).await?;
    }
    Ok(sum.finish()?)
}

/// What is read, and how.
struct Source {
    s3: aws_sdk_s3::Client,
    version: ObjectVersion,
    size: u64,
    etag: Option<String>,
    reader: Arc<Reader>,
}

/// What a server answers who was asked for a part.
enum Answer {
    Part(Buffer),
    /// It has not heard of ranges, or not for a named version.
    Whole(Box<GetObjectOutput>),
}

impl Source {
    /// All parts in order. The first is waited for: it shows whether the server knows ranges.
    async fn parts(self: &Arc<Self>, add: &mut impl FnMut(&[u8])) -> Result<(), Unread> {
        match self.part(0, self.reader.buffer().await?).await? {
            Answer::Whole(answer) => {
                self.drain(answer.body, self.size, add).await?;
                return Ok(());
            }
            Answer::Part(first) => add(&first.bytes),
        }
        let count = self.size.div_ceil(self.reader.part);
        let mut next = 1;
        let mut ahead = VecDeque::new();
        loop {
            while next < count {
                let buffer = match self.reader.spare() {
                    Some(buffer) => buffer,
                    // Who has parts on their way never waits, so whoever waits has none to hold up others with.
                    None if ahead.is_empty() => self.reader.buffer().await?,
                    None => break,
                };
                ahead.push_back(Fetch::of(self, next, buffer));
                next += 1;
            }
            let Some(front) = ahead.pop_front() else {
                return Ok(());
            };
            add(&front.part().await?.bytes);
        }
    }

    /// One part; tried a second time if its body breaks off.
    async fn part(&self, number: u64, mut buffer: Buffer) -> Result<Answer, Unread> {
        let from = number * self.reader.part;
        let to = self.size.min(from + self.reader.part);
        let mut again = true;
        loop {
            let answer = self.get(Some((from, to))).await?;
            match answer.content_range() {
                None => return Ok(Answer::Whole(Box::new(answer))),
                Some(told) if told == format!("bytes {from}-{}/{}", to - 1, self.size) => {}
                Some(told) => {
                    let why = format!("asked for bytes {from} to {to} of {}, got `{told}`", self.size);
                    return Err(Fault::new(CALL, why).into());
                }
            }
            buffer.bytes.clear();
            buffer.bytes.reserve_exact(usize::try_from(self.reader.part).unwrap_or_default());
            let take = &mut |bytes: &[u8]| buffer.bytes.extend_from_slice(bytes);
            match self.drain(answer.body, to - from, take).await {
                Ok(()) => return Ok(Answer::Part(buffer)),
                Err(_) if again => again = false,
                Err(fault) => return Err(fault.into()),
            }
        }
    }

    /// `GetObject` of the version or of its bytes `from` to before `to`. The SDK is not to check what [`Sum`] checks.
    async fn get(&self, range: Option<(u64, u64)>) -> Result<GetObjectOutput, Unread> {
        let config = Builder::new()
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        let ObjectVersion { bucket, key, version_id } = &self.version;
        let request = self.s3.get_object().bucket(bucket).key(key);
        let request = request.version_id(version_id);
        let request = request.set_range(range.map(|(from, to)| format!("bytes={from}-{}", to - 1)));
        let answer = request.customize().config_override(config).send().await;
        let answer = answer.map_err(|e| Unread::of(CALL, &e))?;
        let etag = answer.e_tag().map(lambda_support::aws::unquote_etag);
        if etag.is_some() && self.etag.is_some() && etag != self.etag {
            let why = "the bytes are not of the version that was asked for";
            return Err(Fault::new(CALL, why).into());
        }
        Ok(answer)
    }

    /// Reads a body of `expected` bytes to its end.
    async fn drain(&self, mut body: ByteStream, expected: u64, take: &mut impl FnMut(&[u8])) -> Result<(), Fault> {
        let mut read = 0;
        loop {
            let next = timeout(self.reader.stall, body.try_next()).await;
            let next = next.map_err(|_| Fault::new(CALL, "the answer brings nothing any more"))?;
            let next = next.map_err(|e| incomplete_body(CALL, &e))?;
            if let Some(bytes) = &next {
                read += bytes.len() as u64;
            }
            match next {
                Some(bytes) if read <= expected => take(&bytes),
                None if read == expected => return Ok(()),
                _ => {
                    let why = format!("{read} bytes came where S3 announced {expected}");
                    return Err(Fault::new(CALL, why));
                }
            }
        }
    }
}

/// A part on its way; given up when dropped.
struct Fetch(JoinHandle<Result<Answer, Unread>>);

impl Fetch {
    fn of(source: &Arc<Source>, number: u64, buffer: Buffer) -> Self {
        let source = Arc::clone(source);
        Self(tokio::spawn(async move { source.part(number, buffer).await }))
    }

    async fn part(mut self) -> Result<Buffer, Unread> {
        match (&mut self.0).await {
            Ok(Ok(Answer::Part(buffer))) => Ok(buffer),
            Ok(Ok(Answer::Whole(_))) => Err(Fault::new(CALL, "the answer to a later part is not a part").into()),
            Ok(Err(unread)) => Err(unread),
            Err(broken) => Err(Fault::new(CALL, broken.to_string()).into()),
        }
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
