//! Every AWS call of this Lambda, one arm an effect. The role's policy names exactly these calls.

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use kit::Fault;
use kit::aws::{fault, status, torn};
use kit::journal::{JOURNAL, LEDGER};
use kit::names::sha256;
use tokio::task::JoinSet;

use crate::effect::{Body, Effect, Outcome};
use crate::manifest::{self, Statement};
use crate::settings::Settings;

/// Objects that are read at the same time.
const AT_ONCE: usize = 32;
/// Entries and receipts are a few hundred bytes, with the longest key under 16 KiB.
const LONGEST: usize = 16 * 1024;

/// Keys of the ledger that are listed at a time: one is enough where nothing else is.
const PEEK: i32 = 10;

/// AWS.
pub struct Aws {
    s3: aws_sdk_s3::Client,
    kms: aws_sdk_kms::Client,
    settings: Settings,
}

impl Aws {
    /// Clients of one configuration.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, settings: Settings) -> Self {
        Self {
            s3: aws_sdk_s3::Client::new(config),
            kms: aws_sdk_kms::Client::new(config),
            settings,
        }
    }

    /// Makes the call.
    ///
    /// # Errors
    /// When it may succeed later.
    pub async fn perform(&self, effect: &Effect) -> Result<Outcome, Fault> {
        match effect {
            Effect::NextManifest { after } => self.next_manifest(*after).await,
            Effect::ReadManifest(sequence) => self.read_manifest(*sequence).await,
            Effect::ListJournal { after } => self.list_journal(after).await,
            Effect::ReadEntries(keys) => self.read("GetObject of the journal", keys).await,
            Effect::ReadRecords(keys) => self.read("GetObject of the receipts", keys).await,
            Effect::Sign(statement) => self.sign(statement).await,
            Effect::Write { sequence, envelope } => self.write(*sequence, envelope).await,
        }
    }

    /// What is no manifest's key is passed over, so that nobody stops the ledger by it; who verifies tells it.
    async fn next_manifest(&self, after: u64) -> Result<Outcome, Fault> {
        let mut after = manifest::key(after);
        loop {
            let request = self.s3.list_objects_v2().prefix(LEDGER).max_keys(PEEK);
            let request = request.bucket(&self.settings.receipts_bucket);
            let page = request.start_after(after).send().await;
            let page = page.map_err(|e| fault("ListObjectsV2 of the ledger", &e))?;
            let mut keys = page.contents().iter().filter_map(|o| o.key());
            let next = keys.clone().find_map(manifest::sequence_of);
            match keys.next_back() {
                Some(last) if next.is_none() && page.is_truncated() == Some(true) => {
                    after = last.to_owned();
                }
                _ => return Ok(Outcome::Next(next)),
            }
        }
    }

    async fn read_manifest(&self, sequence: u64) -> Result<Outcome, Fault> {
        let call = "GetObject of the ledger";
        let request = self.s3.get_object().key(manifest::key(sequence));
        let request = request.bucket(&self.settings.receipts_bucket);
        let object = request.send().await.map_err(|e| fault(call, &e))?;
        let bytes = object.body.collect().await.map_err(|e| torn(call, &e))?;
        Ok(Outcome::Manifest(bytes.into_bytes().into()))
    }

    async fn list_journal(&self, after: &str) -> Result<Outcome, Fault> {
        let request = self.s3.list_objects_v2().prefix(JOURNAL).start_after(after);
        let request = request.bucket(&self.settings.receipts_bucket);
        let page = request.send().await;
        let page = page.map_err(|e| fault("ListObjectsV2 of the journal", &e))?;
        let keys = page.contents().iter().filter_map(|o| o.key());
        Ok(Outcome::Page {
            keys: keys.map(str::to_owned).collect(),
            more: page.is_truncated() == Some(true),
        })
    }

    /// Reads many objects, some at the same time, and answers in their order.
    async fn read(&self, call: &'static str, keys: &[String]) -> Result<Outcome, Fault> {
        let mut bodies = vec![None; keys.len()];
        let mut waiting = keys.iter().enumerate();
        let mut running = JoinSet::new();
        loop {
            while running.len() < AT_ONCE {
                let Some((place, key)) = waiting.next() else {
                    break;
                };
                let request = self.s3.get_object().key(key);
                let request = request.bucket(&self.settings.receipts_bucket);
                running.spawn(async move {
                    match request.send().await {
                        Ok(object) => Ok((place, body(call, object).await?)),
                        Err(error) if unreadable(&error) => Ok((place, None)),
                        Err(error) => Err(fault(call, &error)),
                    }
                });
            }
            let Some(done) = running.join_next().await else {
                return Ok(Outcome::Read(bodies));
            };
            let (place, found) = done.map_err(|e| Fault::new(call, e.to_string()))??;
            bodies[place] = found;
        }
    }

    async fn sign(&self, statement: &Statement) -> Result<Outcome, Fault> {
        let digest = manifest::digest_to_sign(&statement.payload());
        let request = self.kms.sign().key_id(&self.settings.signing_key);
        let request = request
            .message(Blob::new(digest))
            .message_type(MessageType::Digest)
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
        let answer = request.send().await.map_err(|e| fault("Sign", &e))?;
        let signature = answer.signature().map(|s| s.as_ref().to_vec());
        let signature = signature.ok_or_else(|| Fault::new("Sign", "no signature given"))?;
        Ok(Outcome::Signed(signature))
    }

    async fn write(&self, sequence: u64, envelope: &[u8]) -> Result<Outcome, Fault> {
        let request = self.s3.put_object().key(manifest::key(sequence));
        let request = request
            .bucket(&self.settings.receipts_bucket)
            .body(ByteStream::from(envelope.to_vec()))
            .content_type("application/vnd.dsse+json")
            .if_none_match("*");
        match request.send().await {
            Ok(_) => Ok(Outcome::Written),
            Err(error) if status(&error) == Some(412) => Ok(Outcome::WrittenBefore),
            Err(error) => Err(fault("PutObject of the ledger", &error)),
        }
    }
}

/// Whether an object is not there, or lies so that it cannot be read: a key that no object can have, a key of its
/// writer's own (SSE-C), an archive. That is its writer's doing, and must not stop the ledger.
fn unreadable(error: &SdkError<GetObjectError>) -> bool {
    let lies = [
        "KeyTooLongError",
        "InvalidURI",
        "InvalidRequest",
        "InvalidObjectState",
    ];
    status(error) == Some(404) || error.code().is_some_and(|code| lies.contains(&code))
}

async fn body(call: &str, object: GetObjectOutput) -> Result<Option<Body>, Fault> {
    let (mut stream, mut bytes) = (object.body, Vec::new());
    while let Some(part) = stream.try_next().await.map_err(|e| torn(call, &e))? {
        if bytes.len() + part.len() > LONGEST {
            return Ok(None);
        }
        bytes.extend_from_slice(&part);
    }
    let sha256 = sha256(&bytes);
    Ok(Some(Body { bytes, sha256 }))
}
