//! All AWS calls of this Lambda, one arm for each effect. The policy of its role grants exactly these calls.

use aws_sdk_kms::operation::verify::VerifyError;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{EncodingType, Object};
use futures::stream::{self, StreamExt, TryStreamExt};
use lambda_support::Fault;
use lambda_support::aws::{ErrorClass, classify, fault, incomplete_body, listed_key};
use sluice_types::digest::sha256;
use sluice_types::keys::{JOURNAL_PREFIX, LEDGER_PREFIX};
use sluice_types::manifest::{self, Statement};

use crate::effect::{Body, Effect, EffectResult};
use crate::settings::Settings;

/// Objects that are read at the same time.
const MAX_CONCURRENT_READS: usize = 32;

/// The largest journal entry or record, in bytes: they have a few hundred, with the longest keys less than this.
const MAX_RECORD_BYTES: usize = 16 * 1024;

/// Keys in one page of a listing of the ledger. The first key is enough unless there are keys that are not manifests.
const LEDGER_PAGE_KEYS: i32 = 10;

/// The clients of the function.
pub struct Aws {
    s3: aws_sdk_s3::Client,
    kms: aws_sdk_kms::Client,
    settings: Settings,
}

impl Aws {
    /// Clients of this configuration.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, settings: Settings) -> Self {
        Self { s3: aws_sdk_s3::Client::new(config), kms: aws_sdk_kms::Client::new(config), settings }
    }

    /// Performs an effect.
    ///
    /// # Errors
    /// When the call may succeed later.
    pub async fn perform(&self, effect: &Effect) -> Result<EffectResult, Fault> {
        match effect {
            Effect::FindManifest { after } => self.find_manifest(*after).await,
            Effect::ReadManifest(sequence) => self.read_manifest(*sequence).await,
            Effect::ListJournal { after } => self.list_journal(after).await,
            Effect::ReadEntries(keys) => self.read_objects("GetObject of the journal", keys).await,
            Effect::ReadRecords(keys) => self.read_objects("GetObject of the receipts", keys).await,
            Effect::Verify { digest, signature } => self.verify(digest, signature).await,
            Effect::Sign(statement) => self.sign(statement).await,
            Effect::WriteManifest { sequence, envelope } => self.write_manifest(*sequence, envelope).await,
        }
    }

    /// Keys that are not manifests are ignored, so that they cannot stop the ledger; `sluice verify` reports them.
    async fn find_manifest(&self, after: u64) -> Result<EffectResult, Fault> {
        let mut pages = self
            .s3
            .list_objects_v2()
            .bucket(&self.settings.receipts_bucket)
            .prefix(LEDGER_PREFIX)
            .start_after(manifest::key(after))
            .max_keys(LEDGER_PAGE_KEYS)
            .encoding_type(EncodingType::Url)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| fault("ListObjectsV2 of the ledger", &e))?;
            let keys = decoded_keys(page.contents(), page.encoding_type())?;
            if let Some(sequence) = keys.iter().find_map(|key| manifest::sequence_of(key)) {
                return Ok(EffectResult::ManifestFound(Some(sequence)));
            }
        }
        Ok(EffectResult::ManifestFound(None))
    }

    async fn read_manifest(&self, sequence: u64) -> Result<EffectResult, Fault> {
        let call = "GetObject of the ledger";
        let request = self.s3.get_object().bucket(&self.settings.receipts_bucket).key(manifest::key(sequence));
        let object = request.send().await.map_err(|e| fault(call, &e))?;
        let bytes = object.body.collect().await.map_err(|e| incomplete_body(call, &e))?;
        Ok(EffectResult::Manifest(bytes.into_bytes().into()))
    }

    async fn list_journal(&self, after: &str) -> Result<EffectResult, Fault> {
        let request = self
            .s3
            .list_objects_v2()
            .bucket(&self.settings.receipts_bucket)
            .prefix(JOURNAL_PREFIX)
            .start_after(after)
            .encoding_type(EncodingType::Url);
        let page = request.send().await.map_err(|e| fault("ListObjectsV2 of the journal", &e))?;
        Ok(EffectResult::JournalPage {
            keys: decoded_keys(page.contents(), page.encoding_type())?,
            more: page.is_truncated() == Some(true),
        })
    }

    /// Reads objects concurrently; returns them in the order of `keys`.
    async fn read_objects(&self, call: &'static str, keys: &[String]) -> Result<EffectResult, Fault> {
        let reads = stream::iter(keys.to_vec()).map(|key| self.read_object(call, key));
        Ok(EffectResult::Objects(reads.buffered(MAX_CONCURRENT_READS).try_collect().await?))
    }

    async fn read_object(&self, call: &str, key: String) -> Result<Option<Body>, Fault> {
        let request = self.s3.get_object().bucket(&self.settings.receipts_bucket).key(key);
        match request.send().await {
            Ok(object) => read_body(call, object).await,
            Err(error) if is_unreadable(&error) => Ok(None),
            Err(error) => Err(fault(call, &error)),
        }
    }

    async fn verify(&self, digest: &[u8; 32], signature: &[u8]) -> Result<EffectResult, Fault> {
        let request = self
            .kms
            .verify()
            .key_id(&self.settings.signing_key)
            .message(Blob::new(*digest))
            .message_type(MessageType::Digest)
            .signature(Blob::new(signature))
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
        match request.send().await {
            Ok(response) => Ok(EffectResult::Verified(response.signature_valid())),
            Err(error) => {
                let service_error = error.as_service_error();
                if service_error.is_some_and(VerifyError::is_kms_invalid_signature_exception) {
                    return Ok(EffectResult::Verified(false));
                }
                Err(fault("Verify", &error))
            }
        }
    }

    async fn sign(&self, statement: &Statement) -> Result<EffectResult, Fault> {
        let digest = manifest::digest_to_sign(&statement.payload());
        let request = self
            .kms
            .sign()
            .key_id(&self.settings.signing_key)
            .message(Blob::new(digest))
            .message_type(MessageType::Digest)
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
        let response = request.send().await.map_err(|e| fault("Sign", &e))?;
        match response.signature() {
            Some(signature) => Ok(EffectResult::Signed(signature.as_ref().to_vec())),
            None => Err(Fault::new("Sign", "the response has no signature")),
        }
    }

    async fn write_manifest(&self, sequence: u64, envelope: &[u8]) -> Result<EffectResult, Fault> {
        let request = self
            .s3
            .put_object()
            .bucket(&self.settings.receipts_bucket)
            .key(manifest::key(sequence))
            .body(ByteStream::from(envelope.to_vec()))
            .content_type("application/vnd.dsse+json")
            .if_none_match("*");
        match request.send().await {
            Ok(_) => Ok(EffectResult::ManifestWritten),
            Err(error) if classify(&error) == ErrorClass::PreconditionFailed => Ok(EffectResult::ManifestExists),
            Err(error) => Err(fault("PutObject of the ledger", &error)),
        }
    }
}

fn decoded_keys(contents: &[Object], encoding: Option<&EncodingType>) -> Result<Vec<String>, Fault> {
    let keys = contents.iter().filter_map(|object| object.key());
    keys.map(|key| listed_key(key, encoding)).collect()
}

/// Whether an object does not exist or can never be read: its key is not a valid key, it is encrypted with a key of its
/// writer (SSE-C), or archived. Such an object must not stop the ledger. A disabled KMS key may be the key of this deployment, so it is a
/// fault, and the next run tries again.
fn is_unreadable(error: &SdkError<GetObjectError>) -> bool {
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

/// The body of an object; `None` if it is larger than [`MAX_RECORD_BYTES`].
async fn read_body(call: &str, object: GetObjectOutput) -> Result<Option<Body>, Fault> {
    let (mut stream, mut bytes) = (object.body, Vec::new());
    while let Some(chunk) = stream.try_next().await.map_err(|e| incomplete_body(call, &e))? {
        if bytes.len() + chunk.len() > MAX_RECORD_BYTES {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    let sha256 = sha256(&bytes);
    Ok(Some(Body { bytes, sha256 }))
}
