//! The ingest function: it stores the item of each JSON object of the processing bucket in a table, or moves the object to
//! quarantine.
//!
//! [`protocol`] decides which AWS call comes next, `edge` makes the calls, and [`validate`] checks objects; [`Ingest`]
//! connects them.

pub mod attribute_value;
pub mod deployment;
mod dynamodb_json;
mod edge;
pub mod effect;
mod file_type;
pub mod item;
pub mod json;
pub mod messages;
pub mod notice;
mod number;
pub mod outcome;
pub mod problem;
pub mod protocol;
pub mod quarantine;
pub mod schema;
pub mod settings;
pub mod source;
pub mod validate;
pub mod verdict;

use lambda_support::{Arrival, Fault, Handled, Handler, Performer, Protocol, drive, log};
use sluice_types::{ObjectVersion, Timestamp};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::deployment::Deployment;
use crate::edge::Aws;
use crate::effect::{Effect, EffectResult};
use crate::protocol::IngestProtocol;
use crate::schema::Schema;
use crate::settings::Settings;

/// Objects above this size, in bytes, are processed one at a time. A parsed object takes up to 60 times its size in memory,
/// and the objects of one batch must not exhaust it.
const MAX_CONCURRENT_OBJECT_BYTES: u64 = 128 * 1024;

/// Stores or quarantines the object version of each arrival.
pub struct Ingest {
    edge: Aws,
    settings: Settings,
    deployment: OnceCell<Deployment>,
    /// Held while an object above [`MAX_CONCURRENT_OBJECT_BYTES`] is processed.
    large_object: Semaphore,
}

impl Ingest {
    /// A handler whose AWS clients have this configuration.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, settings: Settings) -> Self {
        Self {
            edge: Aws::new(config, settings.clone()),
            settings,
            deployment: OnceCell::new(),
            large_object: Semaphore::new(1),
        }
    }

    /// Reads and compiles the schema on the first successful call; later calls return the same value.
    ///
    /// # Errors
    /// When the schema cannot be read or compiled.
    pub async fn deployment(&self) -> Result<&Deployment, Fault> {
        self.deployment
            .get_or_try_init(|| async {
                let text = self.edge.schema().await?;
                let schema = Schema::compile(&text).map_err(|e| Fault::new("schema", e.to_string()))?;
                Ok(Deployment::new(&self.settings, schema))
            })
            .await
    }
}

impl Handler for Ingest {
    async fn handle(&self, arrival: Arrival, _until: Instant) -> Result<Handled, Fault> {
        let deployment = self.deployment().await?;
        let (mut protocol, first) = IngestProtocol::start(arrival, deployment, Timestamp::now());
        let mut delivery = Delivery { ingest: self, large_object: None };
        let verdict = drive(&mut protocol, first, deployment, &mut delivery).await?;
        Ok(messages::handled(&verdict))
    }
}

/// The AWS calls and log lines of one delivery.
struct Delivery<'a> {
    ingest: &'a Ingest,
    /// Held from the read of a large object to the end of the delivery.
    large_object: Option<SemaphorePermit<'a>>,
}

impl Performer<IngestProtocol> for Delivery<'_> {
    async fn perform(&mut self, protocol: &IngestProtocol, effect: &Effect) -> Result<EffectResult, Fault> {
        let source = protocol.source();
        let ObjectVersion { bucket, key, version_id } = &source.version;
        log::set_object(bucket, key, version_id);
        if matches!(effect, Effect::Store(_)) {
            log::info(messages::VALID_ITEM);
        }
        log::info(&messages::before_effect(effect, &self.ingest.settings));
        let large = source.size.is_none_or(|size| size > MAX_CONCURRENT_OBJECT_BYTES);
        if large && self.large_object.is_none() && matches!(effect, Effect::Read(_)) {
            self.large_object = self.ingest.large_object.acquire().await.ok();
        }
        let result = self.ingest.edge.perform(effect).await.map_err(|fault| messages::explain_fault(effect, fault))?;
        if let Some(text) = messages::after_effect(&result) {
            log::info(text);
        }
        Ok(result)
    }
}
