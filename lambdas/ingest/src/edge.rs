//! Every AWS call of this Lambda, one arm an effect. The role's policy names exactly these calls.

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
use sluice_types::digest::hex;

use crate::convert::{attributes, plain};
use crate::effect::{Body, Effect, Facts, Outcome};
use crate::judge::{Item, source_of};
use crate::record::{Notice, Reason, Source};
use crate::settings::Settings;

/// Performs effects.
pub trait Edge: Send + Sync {
    /// Makes the call.
    ///
    /// # Errors
    /// When it may succeed later.
    fn perform(&self, effect: &Effect) -> impl Future<Output = Result<Outcome, Fault>> + Send;
}

/// AWS.
pub struct Aws {
    s3: aws_sdk_s3::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    sns: aws_sdk_sns::Client,
    settings: Settings,
}

impl Edge for Aws {
    async fn perform(&self, effect: &Effect) -> Result<Outcome, Fault> {
        match effect {
            Effect::FindVersion { key, version_id } => self.find_version(key, version_id.as_deref()).await,
            Effect::CheckQuarantine(source) => self.check_quarantine(source).await,
            Effect::Read(source) => self.read(source).await,
            Effect::InspectVersion(source) => self.inspect_version(source).await,
            Effect::Store(item) => self.store(item).await,
            Effect::FindItem(key) => self.find_item(key).await,
            Effect::SeeQuarantine(source) => self.see_quarantine(source).await,
            Effect::Copy(source) => self.copy(source).await,
            Effect::InspectCopy(source) => self.inspect_copy(source).await,
            Effect::WriteReason(reason) => self.write_reason(reason).await,
            Effect::DeleteSource(source) => self.delete_source(source).await,
            Effect::Notify(notice) => self.notify(notice).await,
        }
    }
}

impl Aws {
    /// Clients of one configuration.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, settings: Settings) -> Self {
        Self {
            s3: aws_sdk_s3::Client::new(config),
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            sns: aws_sdk_sns::Client::new(config),
            settings,
        }
    }

    /// The schema's text, as Terraform put it.
    ///
    /// # Errors
    /// When it cannot be read or is not the one the settings name.
    pub async fn schema(&self) -> Result<String, Fault> {
        let call = "GetObject of the schema";
        let settings = &self.settings;
        let request = self.s3.get_object().bucket(&settings.processing_bucket);
        let object = request.key(settings.schema_key()).send().await;
        let object = object.map_err(|e| fault(call, &e))?;
        let bytes = object.body.collect().await.map_err(|e| incomplete_body(call, &e))?.into_bytes();
        if hex(&Sha256::digest(&bytes)) != settings.schema_sha256 {
            return Err(Fault::new(call, "it is not the schema that was deployed; apply again"));
        }
        String::from_utf8(bytes.into()).map_err(|e| Fault::new(call, e.to_string()))
    }

    async fn find_version(&self, key: &str, wanted: Option<&str>) -> Result<Outcome, Fault> {
        let bucket = &self.settings.processing_bucket;
        let found = find_version(&self.s3, bucket, key, |listed| {
            wanted.map_or(listed.is_latest, |id| listed.version.version_id == id)
        });
        Ok(Outcome::Found(found.await?))
    }

    async fn check_quarantine(&self, source: &Source) -> Result<Outcome, Fault> {
        let call = "GetObject of the reason";
        let request = self.s3.get_object().bucket(&self.settings.quarantine_bucket);
        let object = match request.key(source.reason_key()).send().await {
            Ok(object) => object,
            Err(error) if is_object_not_found(&error) => return Ok(Outcome::Decided(None)),
            Err(error) => return Err(fault(call, &error)),
        };
        let bytes = object.body.collect().await.map_err(|e| incomplete_body(call, &e))?;
        let reason: Reason = serde_json::from_slice(&bytes.into_bytes())
            .map_err(|e| Fault::new(call, format!("the record is not readable: {e}")))?;
        Ok(Outcome::Decided(Some(Box::new(reason))))
    }

    async fn read(&self, source: &Source) -> Result<Outcome, Fault> {
        let request = self.s3.get_object().bucket(&source.bucket).key(&source.key);
        let object = match request.version_id(&source.version_id).send().await {
            Ok(object) => object,
            Err(error) => return not_read("GetObject", &error, obstacle(&error)),
        };
        let limit = self.settings.max_object_bytes;
        let size = object.content_length().and_then(|s| u64::try_from(s).ok());
        if let Some(size) = size.filter(|&s| s > limit) {
            return Ok(Outcome::Oversize { size });
        }
        let etag = object.e_tag().map(unquote_etag);
        let mut bytes = Vec::with_capacity(usize::try_from(size.unwrap_or(0)).unwrap_or(0));
        let sha256 = stream(object, limit, |part| bytes.extend_from_slice(part)).await?;
        Ok(Outcome::Body(Body { bytes, sha256, etag }))
    }

    async fn store(&self, item: &Item) -> Result<Outcome, Fault> {
        let condition = "attribute_not_exists(#key)";
        let request = self
            .dynamodb
            .put_item()
            .table_name(&self.settings.table)
            .set_item(Some(attributes(item.attributes())?))
            .condition_expression(condition)
            .expression_attribute_names("#key", &self.settings.hash_key)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = request.send().await else {
            return Ok(Outcome::Stored);
        };
        if let Some(PutItemError::ConditionalCheckFailedException(e)) = error.as_service_error() {
            let old = e.item().ok_or_else(|| Fault::new("PutItem", "no old item given"))?;
            return Ok(Outcome::Occupied(source_of(&plain(old))));
        }
        match refusal(&error) {
            Some(why) => Ok(Outcome::Refused(why)),
            None => Err(fault("PutItem", &error)),
        }
    }

    /// HEAD answers carry no error code: a permanent refusal is told by the status alone.
    async fn inspect_version(&self, source: &Source) -> Result<Outcome, Fault> {
        let request = self.s3.head_object().bucket(&source.bucket).key(&source.key);
        match request.version_id(&source.version_id).send().await {
            Ok(_) => Ok(Outcome::HeadRefused(false)),
            Err(error) if classify(&error) == ErrorClass::Invalid => Ok(Outcome::HeadRefused(true)),
            Err(error) => Err(fault("HeadObject", &error)),
        }
    }

    async fn find_item(&self, key: &Map<String, Value>) -> Result<Outcome, Fault> {
        let request = self.dynamodb.get_item().table_name(&self.settings.table);
        let request = request.set_key(Some(attributes(key)?)).consistent_read(true);
        let found = match request.send().await {
            Ok(found) => found,
            // A key that the table cannot hold holds no item.
            Err(error) if refusal(&error).is_some() => return Ok(Outcome::Occupied(None)),
            Err(error) => return Err(fault("GetItem", &error)),
        };
        let source = found.item().and_then(|item| source_of(&plain(item)));
        Ok(Outcome::Occupied(source))
    }

    async fn see_quarantine(&self, source: &Source) -> Result<Outcome, Fault> {
        let (copy_key, reason_key) = (source.copy_key(), source.reason_key());
        let bucket = &self.settings.quarantine_bucket;
        let request = self.s3.list_objects_v2().bucket(bucket).prefix(&copy_key);
        let request = request.encoding_type(EncodingType::Url);
        let page = request.send().await.map_err(|e| fault("ListObjectsV2", &e))?;
        let listed = page.contents().iter().filter_map(|o| o.key());
        let listed = listed.map(|key| listed_key(key, page.encoding_type()));
        let listed: Vec<String> = listed.collect::<Result<_, _>>()?;
        let has = |key: &String| listed.contains(key);
        Ok(Outcome::Seen { copy: has(&copy_key), reason: has(&reason_key) })
    }

    async fn copy(&self, source: &Source) -> Result<Outcome, Fault> {
        let request = self
            .s3
            .copy_object()
            .bucket(&self.settings.quarantine_bucket)
            .key(source.copy_key())
            .copy_source(copy_source(&source.bucket, &source.key, Some(&source.version_id)))
            .tagging_directive(TaggingDirective::Replace)
            .checksum_algorithm(ChecksumAlgorithm::Sha256);
        match request.send().await {
            Ok(_) => Ok(Outcome::Done),
            // The version was read before: what refuses the copy otherwise may be the quarantine bucket or its key.
            Err(error) => match classify(&error) {
                ErrorClass::NotFound | ErrorClass::Denied => not_read("CopyObject", &error, None),
                _ => Err(fault("CopyObject", &error)),
            },
        }
    }

    /// Size and SHA-256 of the copy. S3 computes a full-object SHA-256 while it copies; where it says none, the copy
    /// is read back.
    async fn inspect_copy(&self, source: &Source) -> Result<Outcome, Fault> {
        let (bucket, key) = (&self.settings.quarantine_bucket, source.copy_key());
        let request = self.s3.head_object().bucket(bucket).key(&key);
        let head = match request.checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(head) => head,
            Err(error) if is_object_not_found(&error) => return Ok(Outcome::Inspected(None)),
            Err(error) => return Err(fault("HeadObject", &error)),
        };
        let size = head.content_length().and_then(|s| u64::try_from(s).ok());
        let told = head.checksum_sha256().and_then(|c| BASE64_STANDARD.decode(c).ok());
        let sha256 = match told {
            Some(digest) => hex(&digest),
            None => {
                let copy = self.s3.get_object().bucket(bucket).key(&key).send().await;
                let copy = copy.map_err(|e| fault("GetObject of the copy", &e))?;
                stream(copy, u64::MAX, |_| ()).await?
            }
        };
        Ok(Outcome::Inspected(Some(Facts { size: size.unwrap_or_default(), sha256: Some(sha256) })))
    }

    async fn write_reason(&self, reason: &Reason) -> Result<Outcome, Fault> {
        let text =
            serde_json::to_vec_pretty(reason).map_err(|e| Fault::new("PutObject of the reason", e.to_string()))?;
        let request = self
            .s3
            .put_object()
            .bucket(&self.settings.quarantine_bucket)
            .key(reason.source.reason_key())
            .content_type("application/json")
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .if_none_match("*")
            .body(ByteStream::from(text));
        match request.send().await {
            Ok(_) => Ok(Outcome::Done),
            Err(error) if classify(&error) == ErrorClass::PreconditionFailed => Ok(Outcome::WrittenBefore),
            Err(error) => Err(fault("PutObject of the reason", &error)),
        }
    }

    async fn delete_source(&self, source: &Source) -> Result<Outcome, Fault> {
        let request = self.s3.delete_object().bucket(&source.bucket).key(&source.key);
        let deleted = request.version_id(&source.version_id).send().await;
        deleted.map_err(|e| fault("DeleteObject", &e))?;
        Ok(Outcome::Done)
    }

    async fn notify(&self, notice: &Notice) -> Result<Outcome, Fault> {
        let end = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(notice.end.name())
            .build()
            .map_err(|e| Fault::new("Publish", e.to_string()))?;
        let text = serde_json::to_string_pretty(notice).map_err(|e| Fault::new("Publish", e.to_string()))?;
        let request = self.sns.publish().topic_arn(&self.settings.topic_arn);
        let request = request.subject(notice.subject()).message(text);
        let published = request.message_attributes("end", end).send().await;
        published.map_err(|e| fault("Publish", &e))?;
        Ok(Outcome::Done)
    }
}

/// Streams a body through SHA-256 and `take`; returns the digest, hexadecimal.
async fn stream(object: GetObjectOutput, limit: u64, mut take: impl FnMut(&[u8])) -> Result<String, Fault> {
    let mut body = object.body;
    let mut digest = Sha256::new();
    let mut read = 0_u64;
    while let Some(part) = body.try_next().await.map_err(|e| incomplete_body("GetObject", &e))? {
        read += part.len() as u64;
        if read > limit {
            return Err(Fault::new("GetObject", "more bytes than S3 announced"));
        }
        digest.update(&part);
        take(&part);
    }
    Ok(hex(&digest.finalize()))
}

/// A read that AWS refuses: whether the version is there, denied or unreadable, the protocol finds out by listing. What
/// may pass is a fault.
fn not_read<E>(call: &str, error: &SdkError<E>, obstacle: Option<Obstacle>) -> Result<Outcome, Fault>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match classify(error) {
        ErrorClass::NotFound | ErrorClass::Denied | ErrorClass::Unreadable | ErrorClass::Invalid => {
            Ok(Outcome::NotRead(fault(call, error), obstacle))
        }
        _ => Err(fault(call, error)),
    }
}
