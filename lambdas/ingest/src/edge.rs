//! All AWS calls of this function, one arm per effect. The role's policy allows exactly these calls.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, EncodingType, TaggingDirective};
use aws_sdk_sns::types::MessageAttributeValue;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lambda_support::Fault;
use lambda_support::aws::{
    ErrorClass, Obstacle, classify, copy_source, fault, find_version, incomplete_body, is_object_not_found, listed_key,
    obstacle, refusal, unquote_etag,
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use sluice_types::ObjectVersion;
use sluice_types::digest::hex;

use crate::attribute_value::{from_attribute_values, to_attribute_values};
use crate::effect::{CopyDigest, Effect, EffectResult, ObjectBody};
use crate::item::{Item, source_of};
use crate::notice::Notice;
use crate::quarantine::{ReasonRecord, copy_key, reason_key};
use crate::settings::Settings;

/// Performs effects with AWS clients.
pub(crate) struct Aws {
    s3: aws_sdk_s3::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    sns: aws_sdk_sns::Client,
    settings: Settings,
}

impl Aws {
    /// Clients with this configuration.
    pub(crate) fn new(config: &aws_config::SdkConfig, settings: Settings) -> Self {
        Self {
            s3: aws_sdk_s3::Client::new(config),
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            sns: aws_sdk_sns::Client::new(config),
            settings,
        }
    }

    /// Makes the call of an effect.
    ///
    /// # Errors
    /// When the call failed and may succeed later.
    pub(crate) async fn perform(&self, effect: &Effect) -> Result<EffectResult, Fault> {
        match effect {
            Effect::FindVersion { key, version_id } => self.find_version(key, version_id.as_deref()).await,
            Effect::CheckQuarantine(version) => self.check_quarantine(version).await,
            Effect::Read(version) => self.read(version).await,
            Effect::InspectVersion(version) => self.inspect_version(version).await,
            Effect::Store(item) => self.store(item).await,
            Effect::FindItem(key) => self.find_item(key).await,
            Effect::SeeQuarantine(version) => self.see_quarantine(version).await,
            Effect::Copy(version) => self.copy(version).await,
            Effect::InspectCopy(version) => self.inspect_copy(version).await,
            Effect::WriteReason(reason) => self.write_reason(reason).await,
            Effect::DeleteSource(version) => self.delete_source(version).await,
            Effect::Notify(notice) => self.notify(notice).await,
        }
    }

    /// Reads the schema that was deployed with the function.
    ///
    /// # Errors
    /// When it cannot be read, or its SHA-256 is not the one in the settings.
    pub(crate) async fn schema(&self) -> Result<String, Fault> {
        let call = "GetObject of the schema";
        let settings = &self.settings;
        let request = self.s3.get_object().bucket(&settings.processing_bucket).key(settings.schema_key());
        let object = request.send().await.map_err(|e| fault(call, &e))?;
        let bytes = object.body.collect().await.map_err(|e| incomplete_body(call, &e))?.into_bytes();
        if hex(&Sha256::digest(&bytes)) != settings.schema_sha256 {
            let why = "it is not the schema that was deployed with the function: run `terraform apply` again";
            return Err(Fault::new(call, why));
        }
        String::from_utf8(bytes.into()).map_err(|e| Fault::new(call, e.to_string()))
    }

    async fn find_version(&self, key: &str, version_id: Option<&str>) -> Result<EffectResult, Fault> {
        let listed = find_version(&self.s3, &self.settings.processing_bucket, key, |listed| {
            version_id.map_or(listed.is_latest, |id| listed.version.version_id == id)
        });
        Ok(EffectResult::Version(listed.await?))
    }

    async fn check_quarantine(&self, version: &ObjectVersion) -> Result<EffectResult, Fault> {
        let call = "GetObject of the reason";
        let request = self.s3.get_object().bucket(&self.settings.quarantine_bucket);
        let object = match request.key(reason_key(version)).send().await {
            Ok(object) => object,
            Err(error) if is_object_not_found(&error) => return Ok(EffectResult::Reason(None)),
            Err(error) => return Err(fault(call, &error)),
        };
        let bytes = object.body.collect().await.map_err(|e| incomplete_body(call, &e))?;
        let reason: ReasonRecord = serde_json::from_slice(&bytes.into_bytes())
            .map_err(|e| Fault::new(call, format!("it is not a valid reason record: {e}")))?;
        Ok(EffectResult::Reason(Some(Box::new(reason))))
    }

    async fn read(&self, version: &ObjectVersion) -> Result<EffectResult, Fault> {
        let request = self.s3.get_object().bucket(&version.bucket).key(&version.key);
        let object = match request.version_id(&version.version_id).send().await {
            Ok(object) => object,
            Err(error) => return not_read("GetObject", &error, obstacle(&error)),
        };
        let limit = self.settings.max_object_bytes;
        let size = object.content_length().and_then(|s| u64::try_from(s).ok());
        if let Some(size) = size.filter(|&s| s > limit) {
            return Ok(EffectResult::Oversize { size });
        }
        let etag = object.e_tag().map(unquote_etag);
        let mut bytes = Vec::with_capacity(usize::try_from(size.unwrap_or(0)).unwrap_or(0));
        let sha256 = read_body(object, limit, |chunk| bytes.extend_from_slice(chunk)).await?;
        Ok(EffectResult::Object(ObjectBody { bytes, sha256, etag }))
    }

    async fn store(&self, item: &Item) -> Result<EffectResult, Fault> {
        let request = self
            .dynamodb
            .put_item()
            .table_name(&self.settings.table)
            .set_item(Some(to_attribute_values(item.attributes())?))
            .condition_expression("attribute_not_exists(#key)")
            .expression_attribute_names("#key", &self.settings.hash_key)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = request.send().await else {
            return Ok(EffectResult::Stored);
        };
        if let Some(PutItemError::ConditionalCheckFailedException(e)) = error.as_service_error() {
            let old = e.item().ok_or_else(|| Fault::new("PutItem", "DynamoDB did not return the existing item"))?;
            return Ok(EffectResult::Occupied(source_of(&from_attribute_values(old))));
        }
        match refusal(&error) {
            Some(message) => Ok(EffectResult::Rejected(message)),
            None => Err(fault("PutItem", &error)),
        }
    }

    /// An error response to `HeadObject` has no code; its status alone decides whether the rejection is permanent.
    async fn inspect_version(&self, version: &ObjectVersion) -> Result<EffectResult, Fault> {
        let request = self.s3.head_object().bucket(&version.bucket).key(&version.key);
        match request.version_id(&version.version_id).send().await {
            Ok(_) => Ok(EffectResult::HeadRejected(false)),
            Err(error) if classify(&error) == ErrorClass::Invalid => Ok(EffectResult::HeadRejected(true)),
            Err(error) => Err(fault("HeadObject", &error)),
        }
    }

    async fn find_item(&self, key: &Map<String, Value>) -> Result<EffectResult, Fault> {
        let request = self
            .dynamodb
            .get_item()
            .table_name(&self.settings.table)
            .set_key(Some(to_attribute_values(key)?))
            .consistent_read(true);
        let response = match request.send().await {
            Ok(response) => response,
            // The table has no item with a key that DynamoDB rejects.
            Err(error) if refusal(&error).is_some() => return Ok(EffectResult::ItemSource(None)),
            Err(error) => return Err(fault("GetItem", &error)),
        };
        let source = response.item().and_then(|item| source_of(&from_attribute_values(item)));
        Ok(EffectResult::ItemSource(source))
    }

    async fn see_quarantine(&self, version: &ObjectVersion) -> Result<EffectResult, Fault> {
        let (copy_key, reason_key) = (copy_key(version), reason_key(version));
        let request = self
            .s3
            .list_objects_v2()
            .bucket(&self.settings.quarantine_bucket)
            .prefix(&copy_key)
            .encoding_type(EncodingType::Url);
        let page = request.send().await.map_err(|e| fault("ListObjectsV2", &e))?;
        let keys: Vec<String> = page
            .contents()
            .iter()
            .filter_map(|object| object.key())
            .map(|key| listed_key(key, page.encoding_type()))
            .collect::<Result<_, _>>()?;
        Ok(EffectResult::Quarantined { copy: keys.contains(&copy_key), reason: keys.contains(&reason_key) })
    }

    async fn copy(&self, version: &ObjectVersion) -> Result<EffectResult, Fault> {
        let request = self
            .s3
            .copy_object()
            .bucket(&self.settings.quarantine_bucket)
            .key(copy_key(version))
            .copy_source(copy_source(&version.bucket, &version.key, Some(&version.version_id)))
            .tagging_directive(TaggingDirective::Replace)
            .checksum_algorithm(ChecksumAlgorithm::Sha256);
        match request.send().await {
            Ok(_) => Ok(EffectResult::Done),
            // The version was read before: any other error may concern the quarantine bucket or its key.
            Err(error) => match classify(&error) {
                ErrorClass::NotFound | ErrorClass::Denied => not_read("CopyObject", &error, None),
                _ => Err(fault("CopyObject", &error)),
            },
        }
    }

    /// Size and SHA-256 of the copy. S3 computes a full-object SHA-256 while it copies; where `HeadObject` does not return
    /// it, the copy is read.
    async fn inspect_copy(&self, version: &ObjectVersion) -> Result<EffectResult, Fault> {
        let (bucket, key) = (&self.settings.quarantine_bucket, copy_key(version));
        let request = self.s3.head_object().bucket(bucket).key(&key);
        let head = match request.checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(head) => head,
            Err(error) if is_object_not_found(&error) => return Ok(EffectResult::Copied(None)),
            Err(error) => return Err(fault("HeadObject", &error)),
        };
        let size = head.content_length().and_then(|s| u64::try_from(s).ok());
        let checksum = head.checksum_sha256().and_then(|c| BASE64_STANDARD.decode(c).ok());
        let sha256 = match checksum {
            Some(digest) => hex(&digest),
            None => {
                let response = self.s3.get_object().bucket(bucket).key(&key).send().await;
                read_body(response.map_err(|e| fault("GetObject of the copy", &e))?, u64::MAX, |_| ()).await?
            }
        };
        Ok(EffectResult::Copied(Some(CopyDigest { size: size.unwrap_or_default(), sha256 })))
    }

    async fn write_reason(&self, reason: &ReasonRecord) -> Result<EffectResult, Fault> {
        let text =
            serde_json::to_vec_pretty(reason).map_err(|e| Fault::new("PutObject of the reason", e.to_string()))?;
        let request = self
            .s3
            .put_object()
            .bucket(&self.settings.quarantine_bucket)
            .key(reason_key(&reason.source.version))
            .content_type("application/json")
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .if_none_match("*")
            .body(ByteStream::from(text));
        match request.send().await {
            Ok(_) => Ok(EffectResult::Done),
            Err(error) if classify(&error) == ErrorClass::PreconditionFailed => Ok(EffectResult::ReasonExists),
            Err(error) => Err(fault("PutObject of the reason", &error)),
        }
    }

    async fn delete_source(&self, version: &ObjectVersion) -> Result<EffectResult, Fault> {
        let request = self.s3.delete_object().bucket(&version.bucket).key(&version.key);
        request.version_id(&version.version_id).send().await.map_err(|e| fault("DeleteObject", &e))?;
        Ok(EffectResult::Done)
    }

    async fn notify(&self, notice: &Notice) -> Result<EffectResult, Fault> {
        let outcome = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(notice.outcome.name())
            .build()
            .map_err(|e| Fault::new("Publish", e.to_string()))?;
        let text = serde_json::to_string_pretty(notice).map_err(|e| Fault::new("Publish", e.to_string()))?;
        let request = self
            .sns
            .publish()
            .topic_arn(&self.settings.topic_arn)
            .subject(notice.subject())
            .message(text)
            .message_attributes("end", outcome);
        request.send().await.map_err(|e| fault("Publish", &e))?;
        Ok(EffectResult::Done)
    }
}

/// Reads the body of an object of at most `limit` bytes chunk by chunk; returns its SHA-256, hexadecimal.
async fn read_body(object: GetObjectOutput, limit: u64, mut on_chunk: impl FnMut(&[u8])) -> Result<String, Fault> {
    let mut body = object.body;
    let mut digest = Sha256::new();
    let mut size = 0_u64;
    while let Some(chunk) = body.try_next().await.map_err(|e| incomplete_body("GetObject", &e))? {
        size += chunk.len() as u64;
        if size > limit {
            return Err(Fault::new("GetObject", "the body is larger than S3 reported"));
        }
        digest.update(&chunk);
        on_chunk(&chunk);
    }
    Ok(hex(&digest.finalize()))
}

/// The result of a rejected read: the protocol finds out by a listing whether the version exists. An error that may be
/// temporary is a fault.
fn not_read<E>(call: &str, error: &SdkError<E>, obstacle: Option<Obstacle>) -> Result<EffectResult, Fault>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match classify(error) {
        ErrorClass::NotFound | ErrorClass::Denied | ErrorClass::Unreadable | ErrorClass::Invalid => {
            Ok(EffectResult::NotRead(fault(call, error), obstacle))
        }
        _ => Err(fault(call, error)),
    }
}
