//! An object version arrives in a watched bucket: its receipt is written, once and for ever.
//!
//! [`protocol`] decides, [`edge`] performs, [`receipt`] says what is written; [`Provenance`] leads one through the
//! other. [`version`], [`hash`] and [`write`] know nothing of the Lambda: `sluice` reads and writes by them too.

pub mod edge;
pub mod effect;
pub mod hash;
pub mod narrate;
pub mod protocol;
pub mod settings;
pub mod sum;
pub mod version;
pub mod watch;
pub mod write;

use lambda_support::log::{self, Level};
use lambda_support::{Arrival, Fault, Handled, Handler};
use serde_json::Map;
use sluice_types::Timestamp;
use tokio::time::Instant;

use crate::edge::Aws;
use crate::protocol::{Run, Step};
use crate::settings::Settings;
use crate::watch::Watched;

/// The Lambda's handler.
pub struct Provenance {
    edge: Aws,
    watched: Vec<Watched>,
}

impl Provenance {
    /// A handler with a client of this configuration.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, settings: Settings) -> Self {
        Self { edge: Aws::new(config, settings.receipts_bucket), watched: settings.watched }
    }
}

impl Handler for Provenance {
    async fn handle(&self, arrival: Arrival, until: Instant) -> Result<Handled, Fault> {
        let (mut run, mut step) = Run::start(arrival, &self.watched);
        loop {
            let effect = match step {
                Step::Done(verdict) => return Ok(narrate::end(&verdict)),
                Step::Fault(fault) => return Err(fault),
                Step::Perform(effect) => effect,
            };
            let version = run.version();
            log::set_object(&version.bucket, &version.key, &version.version_id);
            let before = narrate::before(&effect);
            log::line(Level::Info, &before, &Map::new(), &Map::new());
            let outcome = self.edge.perform(&effect, until).await?;
            step = run.next(outcome, Timestamp::now());
        }
    }
}
