//! Every AWS call of this Lambda, one arm an effect. The role's policy names exactly these calls.

use aws_sdk_kms::operation::verify::VerifyError;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{EncodingType, Object};
use lambda_support::Fault;
use lambda_support::aws::{ErrorClass, classify, fault, incomplete_body, listed_key};
use sluice_types::digest::sha256;
use sluice_types::keys::{JOURNAL_PREFIX, LEDGER_PREFIX};
use sluice_types::manifest::{self, Statement};
use tokio::task::JoinSet;

use crate::effect::{Body, Effect, EffectResult};
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
        Self { s3: aws_sdk_s3::Client::new(config), kms: aws_sdk_kms::Client::new(config), settings }
    }

    /// Makes the call.
    ///
    /// # Errors
    /// When it may succeed later.
    pub async fn perform(&self, effect: &Effect) -> Result<EffectResult, Fault> {
        match effect {
            Effect::NextManifest { after } => self.next_manifest(*after).await,
            Effect::ReadManifest(sequence) => self.read_manifest(*sequence).await,
            Effect::ListJournal { after } => self.list_journal(after).await,
            Effect::ReadEntries(keys) => self.read("GetObject of the journal", keys).await,
            Effect::ReadRecords(keys) => self.read("GetObject of the receipts", keys).await,
            Effect::Verify { digest, signature } => self.verify(digest, signature).await,
            Effect::Sign(statement) => self.sign(statement).await,
            Effect::Write { sequence, envelope } => self.write(*sequence, envelope).await,
        }
    }

    /// A key that is not a manifest's is passed over, so that it does not stop the ledger; `sluice verify` finds it.
    async fn next_manifest(&self, after: u64) -> Result<EffectResult, Fault> {
        let mut after = manifest::key(after);
        loop {
            let request = self.s3.list_objects_v2().prefix(LEDGER_PREFIX).max_keys(PEEK);
            let request = request.bucket(&self.settings.receipts_bucket);
            let request = request.encoding_type(EncodingType::Url);
            let page = request.start_after(after).send().await;
            let page = page.map_err(|e| fault("ListObjectsV2 of the ledger", &e))?;
            let mut keys = keys(page.contents(), page.encoding_type())?;
            let next = keys.iter().find_map(|key| manifest::sequence_of(key));
            match keys.pop() {
                Some(last) if next.is_none() && page.is_truncated() == Some(true) => {
                    after = last;
                }
                _ => return Ok(EffectResult::Next(next)),
            }
        }
    }

    async fn read_manifest(&self, sequence: u64) -> Result<EffectResult, Fault> {
        let call = "GetObject of the ledger";
        let request = self.s3.get_object().key(manifest::key(sequence));
        let request = request.bucket(&self.settings.receipts_bucket);
        let object = request.send().await.map_err(|e| fault(call, &e))?;
        let bytes = object.body.collect().await.map_err(|e| incomplete_body(call, &e))?;
        Ok(EffectResult::Manifest(bytes.into_bytes().into()))
    }

    async fn list_journal(&self, after: &str) -> Result<EffectResult, Fault> {
        let request = self.s3.list_objects_v2().prefix(JOURNAL_PREFIX).start_after(after);
        let request = request.bucket(&self.settings.receipts_bucket);
        let page = request.encoding_type(EncodingType::Url).send().await;
        let page = page.map_err(|e| fault("ListObjectsV2 of the journal", &e))?;
        Ok(EffectResult::Page {
            keys: keys(page.contents(), page.encoding_type())?,
            more: page.is_truncated() == Some(true),
        })
    }

    /// Reads many objects, some at the same time, and answers in their order.
    async fn read(&self, call: &'static str, keys: &[String]) -> Result<EffectResult, Fault> {
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
                return Ok(EffectResult::Read(bodies));
            };
            let (place, found) = done.map_err(|e| Fault::new(call, e.to_string()))??;
            bodies[place] = found;
        }
    }

    async fn verify(&self, digest: &[u8; 32], signature: &[u8]) -> Result<EffectResult, Fault> {
        let request = self.kms.verify().key_id(&self.settings.signing_key);
        let request = request
            .message(Blob::new(*digest))
            .message_type(MessageType::Digest)
            .signature(Blob::new(signature))
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
        match request.send().await {
            Ok(answer) => Ok(EffectResult::Verified(answer.signature_valid())),
            Err(error) => {
                let service = error.as_service_error();
                if service.is_some_and(VerifyError::is_kms_invalid_signature_exception) {
                    return Ok(EffectResult::Verified(false));
                }
                Err(fault("Verify", &error))
            }
        }
    }

    async fn sign(&self, statement: &Statement) -> Result<EffectResult, Fault> {
        let digest = manifest::digest_to_sign(&statement.payload());
        let request = self.kms.sign().key_id(&self.settings.signing_key);
        let request = request
            .message(Blob::new(digest))
            .message_type(MessageType::Digest)
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
        let answer = request.send().await.map_err(|e| fault("Sign", &e))?;
        let signature = answer.signature().map(|s| s.as_ref().to_vec());
        let signature = signature.ok_or_else(|| Fault::new("Sign", "no signature given"))?;
        Ok(EffectResult::Signed(signature))
    }

    async fn write(&self, sequence: u64, envelope: &[u8]) -> Result<EffectResult, Fault> {
        let request = self.s3.put_object().key(manifest::key(sequence));
        let request = request
            .bucket(&self.settings.receipts_bucket)
            .body(ByteStream::from(envelope.to_vec()))
            .content_type("application/vnd.dsse+json")
            .if_none_match("*");
        match request.send().await {
            Ok(_) => Ok(EffectResult::Written),
            Err(error) if classify(&error) == ErrorClass::PreconditionFailed => Ok(EffectResult::WrittenBefore),
            Err(error) => Err(fault("PutObject of the ledger", &error)),
        }
    }
}

/// The keys of a listing, decoded.
fn keys(contents: &[Object], encoding: Option<&EncodingType>) -> Result<Vec<String>, Fault> {
    let keys = contents.iter().filter_map(|o| o.key());
    keys.map(|key| listed_key(key, encoding)).collect()
}

/// Whether an object is not there, or is there and cannot be read: under a key that no object can have,
/// encrypted with a key of its uploader (SSE-C), archived. That is the doing of whoever put it there, and must not stop
/// the ledger. A KMS key that is disabled may be this deployment's own: then the run fails, and the next goes on.
fn unreadable(error: &SdkError<GetObjectError>) -> bool {
    match classify(error) {
        ErrorClass::NotFound | ErrorClass::Invalid => true,
        ErrorClass::Unreadable => error.code() == Some("InvalidObjectState"),
        ErrorClass::Denied
        | ErrorClass::PreconditionFailed
        | ErrorClass::Credentials
        | ErrorClass::Transient
        | ErrorClass::Unreachable => false,
    }
}

async fn body(call: &str, object: GetObjectOutput) -> Result<Option<Body>, Fault> {
    let (mut stream, mut bytes) = (object.body, Vec::new());
    while let Some(part) = stream.try_next().await.map_err(|e| incomplete_body(call, &e))? {
        if bytes.len() + part.len() > LONGEST {
            return Ok(None);
        }
        bytes.extend_from_slice(&part);
    }
    let sha256 = sha256(&bytes);
    Ok(Some(Body { bytes, sha256 }))
}
