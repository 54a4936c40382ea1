//! A JSON object arrives in the processing bucket: its item ends in the table, or the object in quarantine.
//!
//! [`protocol`] decides, [`edge`] performs, [`judge`] says what an item is; [`Ingest`] leads one through the other.

pub mod attribute;
pub mod convert;
pub mod edge;
pub mod effect;
mod file_type;
pub mod json;
pub mod judge;
pub mod narrate;
pub mod number;
mod pattern;
pub mod plan;
pub mod protocol;
pub mod record;
pub mod schema;
pub mod settings;

use std::time::SystemTime;

use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use lambda_support::log;
use lambda_support::{Arrival, Fault, Handled, Handler};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;

use crate::edge::{Aws, Edge};
use crate::effect::Effect;
use crate::plan::Plan;
use crate::protocol::{Run, Step};
use crate::schema::Schema;
use crate::settings::Settings;

/// Objects up to this size, in bytes, are worked on side by side; of larger ones, one at a time. A hostile object
/// takes up to 60 times its size in memory once parsed, and must not take the batch down with it.
const LIGHT: u64 = 128 * 1024;

/// The Lambda's handler.
pub struct Ingest {
    edge: Aws,
    settings: Settings,
    plan: OnceCell<Plan>,
    heavy: Semaphore,
}

impl Ingest {
    /// A handler with clients of this configuration.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, settings: Settings) -> Self {
        Self { edge: Aws::new(config, settings.clone()), settings, plan: OnceCell::new(), heavy: Semaphore::new(1) }
    }

    /// Reads and compiles the schema, once; a failure is tried again with the next record.
    ///
    /// # Errors
    /// When the schema cannot be read or used.
    pub async fn plan(&self) -> Result<&Plan, Fault> {
        self.plan
            .get_or_try_init(|| async {
                let text = self.edge.schema().await?;
                let schema = Schema::compile(&text).map_err(|e| Fault::new("schema", e.to_string()))?;
                Ok(Plan::new(&self.settings, schema))
            })
            .await
    }
}

impl Handler for Ingest {
    async fn handle(&self, arrival: Arrival, _until: Instant) -> Result<Handled, Fault> {
        let plan = self.plan().await?;
        let (mut run, mut step) = Run::start(arrival, now(), plan);
        let mut turn = None;
        loop {
            let effect = match step {
                Step::Done(verdict) => return Ok(narrate::end(&verdict)),
                Step::Fault(fault) => return Err(fault),
                Step::Perform(effect) => effect,
            };
            let source = run.source();
            log::set_object(&source.bucket, &source.key, &source.version_id);
            let say = |text: &str| log::info(text);
            if matches!(effect, Effect::Store(_)) {
                say(narrate::VALID);
            }
            say(&narrate::before(&effect, &self.settings));
            let heavy = run.source().size.is_none_or(|size| size > LIGHT);
            if heavy && turn.is_none() && matches!(effect, Effect::Read(_)) {
                turn = self.heavy.acquire().await.ok();
            }
            let outcome = self.edge.perform(&effect).await;
            let outcome = outcome.map_err(|fault| narrate::fault(&effect, fault))?;
            if let Some(text) = narrate::after(&outcome) {
                say(text);
            }
            step = run.next(plan, outcome);
        }
    }
}

/// The time as the records have it: RFC 3339, UTC.
fn now() -> String {
    DateTime::from(SystemTime::now()).fmt(DateTimeFormat::DateTime).unwrap_or_default()
}
